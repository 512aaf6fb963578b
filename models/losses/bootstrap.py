"""Bootstrapped targets: a mixture of the label and the network's own prediction.

Reed et al., Training deep neural networks on noisy labels with bootstrapping (ICLR 2015
workshop): the target t becomes βt + (1 − β)·prediction, where the prediction is the network's
distribution q (soft) or its argmax (hard), in −Σ [βt + (1 − β)·prediction]·log q.

It is applied to CORAL's yes-or-no answers, as on a squared error it only scales the gradient (by
β, or β² when the prediction carries a gradient). The gradient by z = logit(q):

- plain: q − t;
- soft: β(q − t) − (1 − β)·z·q(1 − q), that is β x plain + (1 − β) x the gradient of q's entropy,
  which penalises uncertainty. The prediction must carry its gradient for this;
- hard: q − βt − (1 − β)·1[q > ½]; the argmax has no gradient.

Measured for the hard form with β .8 and two fifths of the labels random
(tests/models/losses/test_bootstrap.py): started after a warm-up, before the noise is memorised, it
lowers the error on clean labels by about 5 %; started from random weights, it raises it by
5-10 %; and it does harm where the labels are right.
"""

from torch import Tensor

from models.config.losses import BootstrapConfig


def bootstrapped_levels(logits: Tensor, levels: Tensor, config: BootstrapConfig) -> Tensor:
    """Return the targets (…, K): beta x levels + (1 − beta) x prediction.

    The soft form carries the gradient of `logits`, as in the paper.
    """
    match config.form:
        case "soft":
            prediction = logits.sigmoid()
        case "hard":
            prediction = (logits > 0).to(logits.dtype)  # σ(z) > ½, the argmax of yes and no
    return config.beta * levels + (1 - config.beta) * prediction
