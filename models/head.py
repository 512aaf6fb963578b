"""The eight scores from one vector, and the ordinal levels beside them."""

from dataclasses import dataclass

from torch import Tensor, nn

from labeling.scores import DIMENSIONS
from models.config.experiment import HeadConfig
from models.losses.coral import CoralHead


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graded:
    """Standardised scores u (B, 8), and CORAL's logits (B, 8, thresholds) where it is on."""

    standardised: Tensor
    ordinal_logits: Tensor | None


class ScoreHead(nn.Module):
    """A hidden layer and eight outputs u; the scores are centre + scale x u.

    The network so works near 0 and ±1 whatever the range of the labels; the loss is taken
    on u (`standardise`). Scores are not clipped: a model may be wrong beyond the range.
    With `thresholds`, ordinal heads (CORAL, one a dimension) read the same hidden layer; they
    shape it in training and do not grade.
    """

    def __init__(self, width: int, thresholds: int, config: HeadConfig) -> None:
        super().__init__()
        self.centre, self.scale = config.score_centre, config.score_scale
        self.hidden = nn.Sequential(
            nn.Linear(width, config.hidden), nn.GELU(), nn.Dropout(config.dropout)
        )
        self.grade = nn.Linear(config.hidden, len(DIMENSIONS))
        self.ordinal = CoralHead(config.hidden, thresholds) if thresholds else None

    def standardise(self, scores: Tensor) -> Tensor:
        """Return scores (B, 8) in units of u."""
        return (scores - self.centre) / self.scale

    def scores(self, standardised: Tensor) -> Tensor:
        """Return scores (B, 8) on the labels' own scale from units of u."""
        return self.centre + self.scale * standardised

    def forward(self, pooled: Tensor) -> Graded:
        """Return u and the ordinal logits from pooled vectors (B, width), in float32."""
        hidden = self.hidden(pooled)
        return Graded(
            standardised=self.grade(hidden).float(),
            ordinal_logits=None if self.ordinal is None else self.ordinal(hidden).float(),
        )
