"""Brings every modality to one width, so that the layers after it need not know which."""

from torch import Tensor, nn


class Projection(nn.Module):
    """A linear map and a layer norm: (B, steps, from_width) to (B, steps, to_width)."""

    def __init__(self, from_width: int, to_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(from_width, to_width)
        self.norm = nn.LayerNorm(to_width)

    def forward(self, steps: Tensor) -> Tensor:
        """Return the projected steps."""
        projected: Tensor = self.norm(self.linear(steps))
        return projected
