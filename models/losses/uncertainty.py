"""Uncertainty weighting: the weight of each dimension's loss is learnt."""

import torch
from torch import Tensor, nn

from labeling.scores import DIMENSIONS


class UncertaintyWeighting(nn.Module):
    """The mean over dimensions of exp(−s)·L + s, with one learnt s per dimension.

    Kendall, Gal & Cipolla (CVPR 2018) give Σ ½·exp(−s_i)·L_i + ½·s_i with s = log σ². This is that
    sum times 2/8, so that at s = 0 the value and gradients equal those of the plain mean of L and
    other terms keep their relative weight. The best s for a given L is log L: dimensions that fit
    badly get smaller weights.

    The result may be negative, and is unbounded below as an L goes to 0. Exclude `log_variance`
    from weight decay, which would pull s towards 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(len(DIMENSIONS)))

    @property
    def weights(self) -> Tensor:
        """The factor exp(−s) on each dimension's loss (8,)."""
        return torch.exp(-self.log_variance)

    def forward(self, losses: Tensor) -> Tensor:
        """Return the weighted mean, a scalar, of one loss per dimension (8,)."""
        return (self.weights * losses + self.log_variance).mean()
