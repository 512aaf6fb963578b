"""Uncertainty weighting: each dimension learns how much its loss counts."""

import torch
from torch import Tensor, nn

from labeling.scores import DIMENSIONS


class UncertaintyWeighting(nn.Module):
    """One s a dimension, learnt: the mean over dimensions of exp(−s)·L + s.

    Kendall, Gal & Cipolla (CVPR 2018) give Σ ½·exp(−s_i)·L_i + ½·s_i with s = log σ². Ours is
    that sum times 2/8: a constant, which moves no minimum. With it the value and every
    gradient at s = 0 are those of the plain mean of L, so the other terms keep their weights
    when it is switched on. The s that is best for a given L is log L; where L is Huber's d²/2,
    exp(s) is so half the error's variance. Dimensions that fit badly come to weigh less.

    The result may be negative, and falls without end if one L goes to 0. Weight decay would
    pull s towards 0: leave `log_variance` out of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(len(DIMENSIONS)))

    @property
    def weights(self) -> Tensor:
        """The factor exp(−s) on each dimension's loss (8,)."""
        return torch.exp(-self.log_variance)

    def forward(self, losses: Tensor) -> Tensor:
        """Return the weighted mean, a scalar, of one loss a dimension (8,).

        Raises ValueError on another shape.
        """
        if losses.shape != self.log_variance.shape:
            raise ValueError(
                f"losses must have shape {tuple(self.log_variance.shape)}, got "
                f"{tuple(losses.shape)}"
            )
        return (self.weights * losses + self.log_variance).mean()
