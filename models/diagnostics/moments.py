"""Mean and standard deviation, accumulated over batches and processes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Sums of n observations of one shape, in float64 on the CPU."""

    total: Tensor
    squares: Tensor
    count: int

    @classmethod
    def of(cls, observations: Tensor) -> "Moments":
        """Return the sums of observations (n, ...) on any device."""
        values = observations.detach().cpu().double()
        return cls(total=values.sum(0), squares=values.square().sum(0), count=len(values))

    @classmethod
    def together(cls, parts: Sequence["Moments"]) -> "Moments":
        """Return the moments of all observations of `parts` (at least one)."""
        return cls(
            total=torch.stack([part.total for part in parts]).sum(0),
            squares=torch.stack([part.squares for part in parts]).sum(0),
            count=sum(part.count for part in parts),
        )

    @property
    def mean(self) -> Tensor:
        """The mean of each value over the observations."""
        return self.total / self.count

    @property
    def spread(self) -> Tensor:
        """The standard deviation of each value over the observations (divisor n)."""
        return (self.squares / self.count - self.mean.square()).clamp_min(0).sqrt()
