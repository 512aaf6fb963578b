"""The eight scores and the ordinal levels, from one vector."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from labeling.scores import DIMENSIONS
from models.config.experiment import HeadConfig
from models.losses.coral import CoralHead

LEAST_SPREAD = 0.001
"""Outputs that differ by less (0.0125 points) count as equal: a slope would fit rounding errors."""

LEAST_SLOPE = 0.01
"""Smallest slope of the calibration: it never reverses an order, and almost flattens outputs that
are uncorrelated with the scores or run against them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graded:
    """Standardised scores u (B, 8), and CORAL's logits (B, 8, thresholds) when it is on."""

    standardised: Tensor
    ordinal_logits: Tensor | None


class ScoreHead(nn.Module):
    """A hidden layer and eight outputs u; the scores are centre + scale x (offset + slope x u).

    The loss is taken on u (`standardise`), so that the network works near 0 and ±1 whatever the
    labels' range. Scores are not clipped. With `thresholds`, ordinal heads (CORAL, one per
    dimension) read the same hidden layer; they affect training only.

    `slope` and `offset` (8,) start at 1 and 0; `calibrate` fits them to held-out scores. The loss
    does not use them.
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
        """Replace the eight outputs by `count` new ones with random weights and no calibration."""
        self.grade = nn.Linear(self.grade.in_features, count)
        self.slope, self.offset = torch.ones(count), torch.zeros(count)

    def calibrate(self, standardised: Tensor, scores: Tensor) -> None:
        """Fit the line from outputs u (N, 8) to true scores (N, 8), dimension by dimension.

        Least squares (linear recalibration; Steyerberg 2019, "Clinical prediction models", 15).
        It corrects two biases: losses that weigh rare scores more pull predictions towards them,
        by over ten points where most scores lie at one end, and a poor model spreads its
        predictions too far. Positive slopes keep every order and correlation. Equal outputs are
        mapped to the mean of the scores.
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
