"""Which tier a draw of a segment belongs to, and which randomness is its own."""

from dataclasses import dataclass

import numpy as np

from degradation.recipe import TIERS, Recipe, TierDamage
from degradation.seeds import stream, unit_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One graded version of a segment: the `number`-th draw, and the tier it fell into."""

    recipe: Recipe
    segment_id: str
    number: int
    tier: str

    @property
    def sample_id(self) -> str:
        """Readable and stable name of the row."""
        return f"{self.segment_id}-{self.recipe.name}-d{self.number}"

    @property
    def damage(self) -> TierDamage:
        """What the tier does."""
        return self.recipe.tiers[self.tier]

    def stream(self, purpose: str) -> np.random.Generator:
        """Return the generator that belongs to this draw and `purpose` alone."""
        name = (self.recipe.name, self.segment_id, str(self.number), purpose)
        return stream(self.recipe.seed, *name)


def tier_of(recipe: Recipe, segment_id: str, number: int) -> str:
    """Return the tier of a draw: it follows from a digest of names, not from what tiers do."""
    position = unit_interval(recipe.seed, recipe.name, segment_id, str(number), "tier")
    edges = np.cumsum([recipe.tiers[tier].probability for tier in TIERS])[:-1]
    return TIERS[int(np.searchsorted(edges, position, side="right"))]


def draws_of(recipe: Recipe, segment_id: str) -> list[Draw]:
    """Return every draw of a segment, each with the tier that it falls into."""
    return [
        Draw(
            recipe=recipe,
            segment_id=segment_id,
            number=number,
            tier=tier_of(recipe, segment_id, number),
        )
        for number in range(recipe.draws)
    ]
