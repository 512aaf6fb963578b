"""Plain measures of the notes to one vector a clip."""

import torch
from torch import Tensor, nn

from labeling.measures import PLAIN
from models.networks.aggregation import Pooled

FARTHEST = 5.0
"""Standard deviations from the mean beyond which a measure is cut: logarithms and ratios of odd
windows would outweigh all others."""


class MeasureReader(nn.Module):
    """Two layers on standardised measures, each beside whether it is defined.

    Means and standard deviations are those of all training batches so far.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.standardise = nn.BatchNorm1d(len(PLAIN), affine=False, momentum=None)
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
        # In place of what is undefined, the mean of the batch: it moves no statistics.
        middle = measures.nanmean(dim=0).nan_to_num()
        filled = torch.where(known, measures, middle).float()
        if len(filled) > 1 or not self.training:
            filled = self.standardise(filled)
        vector = self.layers(
            torch.cat([filled.clamp(-FARTHEST, FARTHEST) * known, known.float()], dim=1)
        )
        weight = mask[..., None].float()
        return Pooled(vector=vector, weight=weight / weight.sum(dim=1, keepdim=True))
