"""Plain measures of the notes to one vector a clip."""

import torch
import torch.distributed
from torch import Tensor, nn

from labeling.measures import PLAIN
from models.distributed import rank_info
from models.networks.aggregation import Pooled

FARTHEST = 5.0
"""Standard deviations from the mean beyond which a measure is cut: logarithms and ratios of odd
windows would outweigh all others."""


class RunningStandardise(nn.Module):
    """Values to standard deviations from the mean of all training batches so far.

    Means and deviations are of the defined values alone, and of the batches of all processes.
    """

    count: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        for name in ("count", "mean", "squares"):
            self.register_buffer(name, torch.zeros(width))

    def forward(self, values: Tensor) -> Tensor:
        """Return standardised values (B, width); the mean, 0, in place of what is undefined."""
        if self.training:
            self._count(values)
        deviation = (self.squares / self.count.clamp_min(1)).sqrt()
        deviation = torch.where(deviation > 0, deviation, 1.0)
        return ((values - self.mean) / deviation).nan_to_num()

    @torch.no_grad()
    def _count(self, values: Tensor) -> None:
        away = values - self.mean
        known = (~values.isnan()).float()
        sums = torch.stack([known.sum(0), away.nansum(0), away.square().nansum(0)])
        if rank_info().world_size > 1:
            torch.distributed.all_reduce(sums)
        self.count += sums[0]
        moved = sums[1] / self.count.clamp_min(1)
        self.mean += moved
        self.squares += sums[2] - sums[1] * moved


class MeasureReader(nn.Module):
    """Two layers on standardised measures, each beside whether it is defined."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.standardise = RunningStandardise(len(PLAIN))
        self.layers = nn.Sequential(
            nn.Linear(2 * len(PLAIN), width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.GELU(),
        )

    def forward(self, measures: Tensor, mask: Tensor) -> Pooled:
        """Return one vector (B, width) of measures (B, measures); every step of `mask` alike."""
        known = ~measures.isnan()
        standardised = self.standardise(measures.float()).clamp(-FARTHEST, FARTHEST)
        vector = self.layers(torch.cat([standardised, known.float()], dim=1))
        weight = mask[..., None].float()
        return Pooled(vector=vector, weight=weight / weight.sum(dim=1, keepdim=True))
