"""Which tier a draw of a segment belongs to, and which randomness is its own."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from degradation.factored import FactoredRecipe
from degradation.factored_sampling import FactoredDraw, factored_draws
from degradation.notes import Performance
from degradation.operation import NoteOperation, SoundOperation
from degradation.recipe import TIERS, Recipe
from degradation.render import Instrument
from degradation.seeds import stream, unit_interval
from degradation.tiered import TierDamage, TieredRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class TieredDraw:
    """One graded version of a segment: the `number`-th draw, and the tier it fell into."""

    recipe: TieredRecipe
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

    @property
    def damage_operations(self) -> tuple[NoteOperation | SoundOperation, ...]:
        """The operations that the label is about, in order."""
        return self.damage.operations

    @property
    def note_operations(self) -> tuple[NoteOperation, ...]:
        """The operations on the playing, in order."""
        return self.damage.note_operations

    @property
    def sound_operations(self) -> tuple[SoundOperation, ...]:
        """The operations on the recording, in order."""
        return self.damage.sound_operations

    @property
    def duplicate_of(self) -> str | None:
        """The segment's first draw of a tier that does nothing, which this one repeats; or None.

        It follows from the recipe alone, whatever rows were made before.
        """
        if self.damage.operations:
            return None
        others = tiered_draws(self.recipe, self.segment_id)
        first = next(draw for draw in others if draw.tier == self.tier)
        return None if first.number == self.number else first.sample_id

    @property
    def instrument(self) -> Instrument:
        """What the notes are played on."""
        return self.recipe.instrument

    def stream(self, purpose: str) -> np.random.Generator:
        """Return the generator that belongs to this draw and `purpose` alone."""
        return stream(
            self.recipe.seed, self.recipe.name, self.segment_id, str(self.number), purpose
        )


Draw = TieredDraw | FactoredDraw


def tier_of(recipe: TieredRecipe, segment_id: str, number: int) -> str:
    """Return the tier of a draw: it follows from a digest of names, not from what tiers do."""
    position = unit_interval(recipe.seed, recipe.name, segment_id, str(number), "tier")
    edges = np.cumsum([recipe.tiers[tier].probability for tier in TIERS])[:-1]
    return TIERS[int(np.searchsorted(edges, position, side="right"))]


def tiered_draws(recipe: TieredRecipe, segment_id: str) -> list[TieredDraw]:
    """Return every draw of a segment, each with the tier that it falls into."""
    return [
        TieredDraw(
            recipe=recipe,
            segment_id=segment_id,
            number=number,
            tier=tier_of(recipe, segment_id, number),
        )
        for number in range(recipe.draws)
    ]


def draws_of(
    recipe: Recipe, segment_id: str, split: str, clean: Callable[[], Performance]
) -> list[Draw]:
    """Return every row that a recipe makes of a segment.

    `clean` gives the segment's notes, and is asked by a factored recipe alone: where a factor
    finds nothing to act on its severity is 0, on which the tier depends.
    """
    if isinstance(recipe, FactoredRecipe):
        return [*factored_draws(recipe, segment_id, split, clean())]
    return [*tiered_draws(recipe, segment_id)]
