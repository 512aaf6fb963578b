"""Bootstrapping: a network that half trusts its labels and half what it has learnt.

Reed et al., Training deep neural networks on noisy labels with bootstrapping (ICLR 2015
workshop): the target t becomes βt + (1 − β)·belief, where the belief is the network's own
distribution q (soft) or its argmax (hard), in −Σ [βt + (1 − β)·belief]·log q.

It works on CORAL's answers, each a distribution over yes and no, because on a squared error it
does nothing: against βt + (1 − β)p with p held fixed, the gradient is β times the plain one, and
with p not held fixed β² times. What it does here, by z = logit(q):

- plain: q − t;
- soft: β(q − t) − (1 − β)·z·q(1 − q). All of the effect is in the gradient that flows through
  the target (with q held fixed this too would be β times the plain one); it is β x plain +
  (1 − β) x the entropy of q, so doubt is made to cost;
- hard: q − βt − (1 − β)·1[q > ½], which is no multiple of the plain one; the argmax has no
  gradient.

It leans on the network's belief, so it wants one worth leaning on. Measured for the hard form,
β .8, with two fifths of the labels random (tests/models/losses/test_bootstrap.py): where it
takes over from plain training before the noise is learnt by heart, the error on clean labels is
about 5 % lower; where it acts from random weights on, about 5-10 % higher, as it holds on to
chance; and it does harm where the labels are right.
"""

from torch import Tensor

from models.config.losses import BootstrapConfig


def bootstrapped_levels(logits: Tensor, levels: Tensor, config: BootstrapConfig) -> Tensor:
    """Return the targets (…, K): beta x levels + (1 − beta) x belief.

    The soft form carries the gradient of `logits`, as the paper's formula has it.
    """
    match config.form:
        case "soft":
            belief = logits.sigmoid()
        case "hard":
            belief = (logits > 0).to(logits.dtype)  # σ(z) > ½, the argmax of yes and no
    return config.beta * levels + (1 - config.beta) * belief
