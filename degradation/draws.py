"""Draws: the rows that a recipe makes of a segment, with their tiers and random streams."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from degradation.factored import FACTORS, Factor, FactoredRecipe
from degradation.notes import Performance
from degradation.nuisance import Recording, draw_recording
from degradation.operation import NoteOperation, Operation, SoundOperation
from degradation.recipe import TIERS, Recipe
from degradation.render import Instrument
from degradation.seeds import stream, unit_interval
from degradation.tiered import TierDamage, TieredRecipe

HELD_OUT = ("validation", "test")
"""The splits whose segments may have a counterfactual family."""

NOTHING, NUISANCE = "nothing", "nuisance"
"""What varies in a family's undamaged base, and in its twins."""


def draws_of(
    recipe: Recipe, segment_id: str, split: str, clean: Callable[[], Performance]
) -> list["Draw"]:
    """Return every row that a recipe makes of a segment.

    `clean` returns the segment's notes; only a factored recipe needs them.
    """
    if isinstance(recipe, FactoredRecipe):
        return [*factored_draws(recipe, segment_id, split, clean())]
    return [*tiered_draws(recipe, segment_id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TieredDraw:
    """One graded version of a segment: the `number`-th draw, and its tier."""

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
        """The damage of its tier."""
        return self.recipe.tiers[self.tier]

    @property
    def damage_operations(self) -> tuple[Operation, ...]:
        """The operations that the label depends on, in order."""
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
        """The sample id of the segment's first undamaged draw, if this draw repeats it."""
        if self.damage.operations:
            return None
        others = tiered_draws(self.recipe, self.segment_id)
        first = next(draw for draw in others if draw.tier == self.tier)
        return None if first.number == self.number else first.sample_id

    @property
    def instrument(self) -> Instrument:
        """The instrument that renders the notes."""
        return self.recipe.instrument

    def stream(self, purpose: str) -> np.random.Generator:
        """Return this draw's random generator for `purpose`."""
        return stream(
            self.recipe.seed, self.recipe.name, self.segment_id, str(self.number), purpose
        )


def tier_of(recipe: TieredRecipe, segment_id: str, number: int) -> str:
    """Return the tier of a draw: from a digest of names and the probabilities of the tiers."""
    position = unit_interval(recipe.seed, recipe.name, segment_id, str(number), "tier")
    edges = np.cumsum([recipe.tiers[tier].probability for tier in TIERS])[:-1]
    return TIERS[int(np.searchsorted(edges, position, side="right"))]


def tiered_draws(recipe: TieredRecipe, segment_id: str) -> list[TieredDraw]:
    """Return every draw of a segment, each with its tier."""
    tiers = [tier_of(recipe, segment_id, number) for number in range(recipe.draws)]
    return [
        TieredDraw(recipe=recipe, segment_id=segment_id, number=number, tier=tier)
        for number, tier in enumerate(tiers)
    ]


@dataclass(frozen=True, kw_only=True)
class FactoredDraw:
    """One graded version of a segment: a severity in JND for each of `FACTORS`.

    In a counterfactual family, `varied` is the factor that was set to `varied_severity_jnd`,
    `nothing` or `nuisance`; in ordinary draws both are None. `number` counts the ordinary draws
    of a segment, or the members of its family.
    """

    recipe: FactoredRecipe
    segment_id: str
    number: int
    severity_jnd: tuple[float, ...]
    varied: str | None = None
    varied_severity_jnd: float | None = None

    @property
    def family(self) -> str | None:
        """Name of the counterfactual family, None for an ordinary draw."""
        return None if self.varied is None else f"{self.segment_id}-{self.recipe.name}-c"

    @property
    def sample_id(self) -> str:
        """Readable and stable name of the row."""
        if self.family is None:
            return f"{self.segment_id}-{self.recipe.name}-d{self.number}"
        if self.varied == NUISANCE:
            return f"{self.family}-{self.varied}-{self.number}"
        severity = "" if self.varied == NOTHING else f"-{self.varied_severity_jnd:g}"
        return f"{self.family}-{self.varied}{severity}"

    @property
    def duplicate_of(self) -> None:
        """None: each draw is recorded in a way of its own."""

    @property
    def overall_severity_jnd(self) -> float:
        """The overall severity."""
        return self.recipe.overall(np.array(self.severity_jnd))

    @property
    def severities_jnd(self) -> dict[Factor, float]:
        """Each factor's severity by its name."""
        return dict(zip(FACTORS, self.severity_jnd, strict=True))

    @property
    def tier(self) -> str:
        """The tier of the overall severity."""
        return self.recipe.score_curve.tier(self.overall_severity_jnd)

    @property
    def note_operations(self) -> tuple[NoteOperation, ...]:
        """The operations on the playing, in the recipe's order of factors."""
        severities = self.severities_jnd
        return tuple(
            operation
            for name, factor in self.recipe.factors.items()
            for operation in factor.at(severities[name])
        )

    @property
    def damage_operations(self) -> tuple[Operation, ...]:
        """The operations that the label depends on, in order: none on the recording."""
        return self.note_operations

    @cached_property
    def recording(self) -> Recording:
        """How it is recorded."""
        recipe = self.recipe
        return draw_recording(recipe.nuisance, recipe.seed, recipe.name, self.stream)

    @property
    def sound_operations(self) -> tuple[SoundOperation, ...]:
        """The operations on the recording, in order."""
        return self.recording.operations

    @property
    def instrument(self) -> Instrument:
        """The instrument that renders the notes."""
        return self.recording.instrument

    def stream(self, purpose: str) -> np.random.Generator:
        """Return this draw's random generator for `purpose`."""
        key = random_stream_key(self.number, self.varied)
        return stream(self.recipe.seed, self.recipe.name, self.segment_id, key, purpose)


Draw = TieredDraw | FactoredDraw


def random_stream_key(number: int, varied: str | None) -> str:
    """Return the row's random-stream key.

    Members of a family share one, so that only the varied factor differs; twins have their own.
    """
    if varied is None:
        return str(number)
    return f"{NUISANCE} {number}" if varied == NUISANCE else "family"


def factored_draws(
    recipe: FactoredRecipe, segment_id: str, split: str, clean: Performance
) -> list[FactoredDraw]:
    """Return every draw of a segment, and its family where it has one.

    A severity is 0 if its factor would change nothing in `clean`, so that labels are true.
    """
    draws = []
    for number in range(recipe.draws):
        rng = stream(recipe.seed, recipe.name, segment_id, str(number), "severities")
        severity_jnd = tuple(recipe.draw_severities(rng).tolist())
        draws.append(
            FactoredDraw(
                recipe=recipe, segment_id=segment_id, number=number, severity_jnd=severity_jnd
            )
        )
    if has_family(recipe, segment_id, split):
        draws += family_of(recipe, segment_id)
    return with_effective_severities(draws, clean)


def has_family(recipe: FactoredRecipe, segment_id: str, split: str) -> bool:
    """Return whether a segment has a counterfactual family, as a share of the held-out ones has."""
    position = unit_interval(recipe.seed, recipe.name, segment_id, "counterfactual")
    return split in HELD_OUT and position < recipe.counterfactual.share


def family_of(recipe: FactoredRecipe, segment_id: str) -> list[FactoredDraw]:
    """Return a segment's family as the recipe asks for it: base, each factor alone, and twins."""
    plan: list[tuple[str, float]] = [(NOTHING, 0.0)]
    plan += [(factor, jnd) for factor in FACTORS for jnd in recipe.counterfactual.severities_jnd]
    plan += [(NUISANCE, 0.0)] * recipe.counterfactual.twins
    return [
        FactoredDraw(
            recipe=recipe,
            segment_id=segment_id,
            number=number,
            severity_jnd=tuple(severity if name == varied else 0.0 for name in FACTORS),
            varied=varied,
            varied_severity_jnd=severity,
        )
        for number, (varied, severity) in enumerate(plan)
    ]


def with_effective_severities(
    draws: Sequence[FactoredDraw], clean: Performance
) -> list[FactoredDraw]:
    """Return the draws of one segment with 0 for each severity that had no effect on it."""
    if not draws:
        return []
    factors = draws[0].recipe.factors
    can_apply = {name: factors[name].can_apply(clean) for name in FACTORS}

    def effective(draw: FactoredDraw, name: Factor, severity_jnd: float) -> float:
        had_effect = can_apply[name] and factors[name].has_effect(clean, severity_jnd, draw.stream)
        return severity_jnd if severity_jnd and had_effect else 0.0

    return [
        replace(
            draw, severity_jnd=tuple(effective(draw, *item) for item in draw.severities_jnd.items())
        )
        for draw in draws
    ]
