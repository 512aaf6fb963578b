"""The eight scores from one vector."""

from torch import Tensor, nn

from labeling.scores import DIMENSIONS
from models.config import HeadConfig


class ScoreHead(nn.Module):
    """A hidden layer and eight outputs u; the scores are centre + scale x u.

    The network so works near 0 and ±1 whatever the range of the labels; the loss is taken
    on u (`standardise`). Scores are not clipped: a model may be wrong beyond the range.
    """

    def __init__(self, width: int, config: HeadConfig) -> None:
        super().__init__()
        self.centre, self.scale = config.score_centre, config.score_scale
        self.layers = nn.Sequential(
            nn.Linear(width, config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, len(DIMENSIONS)),
        )

    def standardise(self, scores: Tensor) -> Tensor:
        """Return scores (B, 8) in units of u."""
        return (scores - self.centre) / self.scale

    def forward(self, pooled: Tensor) -> Tensor:
        """Return scores (B, 8) on the labels' own scale."""
        scores: Tensor = self.centre + self.scale * self.layers(pooled).float()
        return scores
