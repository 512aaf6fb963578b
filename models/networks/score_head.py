"""The eight scores from one vector, and the ordinal levels beside them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from labeling.scores import DIMENSIONS
from models.config.experiment import HeadConfig
from models.losses.coral import CoralHead

LEAST_SPREAD = 0.001
"""Outputs that differ by no more, 0.0125 points, are taken for one: a slope would be rounding's."""

LEAST_SLOPE = 0.01
"""Calibration never turns an order round: where outputs run against the scores, or say nothing
of them, it all but flattens them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graded:
    """Standardised scores u (B, 8), and CORAL's logits (B, 8, thresholds) where it is on."""

    standardised: Tensor
    ordinal_logits: Tensor | None


class ScoreHead(nn.Module):
    """A hidden layer and eight outputs u; the scores are centre + scale x (offset + slope x u).

    The network so works near 0 and ±1 whatever the range of the labels; the loss is taken
    on u (`standardise`). Scores are not clipped: a model may be wrong beyond the range.
    With `thresholds`, ordinal heads (CORAL, one a dimension) read the same hidden layer; they
    shape it in training and do not grade.

    `slope` and `offset` (8,) are no part of the loss and are not learnt by it: `calibrate` fits
    them to held-out scores, until when they are 1 and 0.
    """

    slope: Tensor
    offset: Tensor

    def __init__(self, width: int, thresholds: int, config: HeadConfig) -> None:
        super().__init__()
        self.centre, self.scale = config.score_centre, config.score_scale
        self.hidden = nn.Sequential(
            nn.Linear(width, config.hidden), nn.GELU(), nn.Dropout(config.dropout)
        )
        self.grade = nn.Linear(config.hidden, len(DIMENSIONS))
        self.ordinal = CoralHead(config.hidden, thresholds) if thresholds else None
        self.register_buffer("slope", torch.ones(len(DIMENSIONS)))
        self.register_buffer("offset", torch.zeros(len(DIMENSIONS)))

    def replace_outputs(self, count: int) -> None:
        """Give `count` new outputs, of random weights and not calibrated, in place of the eight."""
        self.grade = nn.Linear(self.grade.in_features, count)
        self.slope, self.offset = torch.ones(count), torch.zeros(count)

    def calibrate(self, standardised: Tensor, scores: Tensor) -> None:
        """Fit the line from outputs u (N, 8) to true scores (N, 8), dimension by dimension.

        Least squares (linear recalibration; Steyerberg 2019, "Clinical prediction models", 15).
        Losses that weigh rare scores up teach grades that are off towards those, by more than
        ten points where most scores lie at one end; and a model that knows little spreads its
        grades too far. Positive slopes leave every order and correlation as it is. Where all
        outputs are equal, the scores' mean is what they say.
        """
        outputs, true = standardised.double(), self.standardise(scores.double())
        mean, true_mean = outputs.mean(0), true.mean(0)
        variance = (outputs - mean).square().mean(0)
        covariance = ((outputs - mean) * (true - true_mean)).mean(0)
        slope = (covariance / (variance + LEAST_SPREAD**2)).clamp(min=LEAST_SLOPE)
        self.slope.copy_(slope)
        self.offset.copy_(true_mean - slope * mean)

    def standardise(self, scores: Tensor) -> Tensor:
        """Return scores (B, 8) in units of u."""
        return (scores - self.centre) / self.scale

    def scores(self, standardised: Tensor) -> Tensor:
        """Return scores (B, 8) on the labels' own scale from units of u."""
        return self.centre + self.scale * (self.offset + self.slope * standardised)

    def forward(self, pooled: Tensor) -> Graded:
        """Return u and the ordinal logits from pooled vectors (B, width), in float32."""
        hidden = self.hidden(pooled)
        return Graded(
            standardised=self.grade(hidden).float(),
            ordinal_logits=None if self.ordinal is None else self.ordinal(hidden).float(),
        )
