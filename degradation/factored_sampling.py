"""The rows that a factored recipe makes of a segment: its draws, and its counterfactual family."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from degradation.factored import FACTORS, Factor, FactoredRecipe
from degradation.notes import Performance
from degradation.nuisance import Recording, draw_recording
from degradation.operation import NoteOperation, SoundOperation
from degradation.render import Instrument
from degradation.seeds import stream, unit_interval

HELD_OUT = ("validation", "test")
"""The splits whose segments may have a counterfactual family."""

NOTHING, NUISANCE = "nothing", "nuisance"
"""What is varied in a family's undamaged base, and in its twins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactoredDraw:
    """One graded version of a segment: a severity in JND for each of `FACTORS`.

    In a counterfactual family, `varied` is the factor whose severity was set to
    `varied_severity_jnd`, `nothing` or `nuisance`; in ordinary draws both are None. `number`
    counts the ordinary draws of a segment, and the members of its family.
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
    def overall_severity_jnd(self) -> float:
        """The overall severity."""
        return self.recipe.overall(np.array(self.severity_jnd))

    @property
    def severities_jnd(self) -> dict[Factor, float]:
        """Each factor's severity by its name."""
        return dict(zip(FACTORS, self.severity_jnd, strict=True))

    @property
    def tier(self) -> str:
        """The tier in whose band the overall severity lies."""
        return self.recipe.score_curve.tier(self.overall_severity_jnd)

    @property
    def note_operations(self) -> tuple[NoteOperation, ...]:
        """The operations on the playing, factor by factor as the recipe orders them."""
        severities = self.severities_jnd
        return tuple(
            operation
            for name, factor in self.recipe.factors.items()
            for operation in factor.at(severities[name])
        )

    @property
    def damage_operations(self) -> tuple[NoteOperation, ...]:
        """The operations that the label is about, in order: how it is recorded is none of them."""
        return self.note_operations

    @property
    def recording(self) -> Recording:
        """How it is recorded: nuisance, which follows from names alone."""
        recipe = self.recipe
        return draw_recording(recipe.nuisance, recipe.seed, recipe.name, self.stream)

    @property
    def sound_operations(self) -> tuple[SoundOperation, ...]:
        """The operations on the recording, in order."""
        return self.recording.operations

    @property
    def instrument(self) -> Instrument:
        """What the notes are played on."""
        return self.recording.instrument

    def stream(self, purpose: str) -> np.random.Generator:
        """Return the generator of this draw's randomness for `purpose`."""
        who = randomness_of(self.number, self.varied)
        return stream(self.recipe.seed, self.recipe.name, self.segment_id, who, purpose)


def randomness_of(number: int, varied: str | None) -> str:
    """Return whose randomness a row of a segment has: its own, or its family's.

    A family shares one, so that its members differ in what was varied and in nothing else; a
    twin has its own nuisance.
    """
    if varied is None:
        return str(number)
    return f"{NUISANCE} {number}" if varied == NUISANCE else "family"


def factored_draws(
    recipe: FactoredRecipe, segment_id: str, split: str, clean: Performance
) -> list[FactoredDraw]:
    """Return every draw of a segment, and its family where it has one.

    A severity is 0 where its factor does nothing to `clean`: where it finds nothing to act on
    (no pedal, say), or comes to less than one slip. A label never claims damage that isn't there.
    """
    draws = []
    for number in range(recipe.draws):
        rng = stream(recipe.seed, recipe.name, segment_id, str(number), "severities")
        draws.append(
            FactoredDraw(
                recipe=recipe,
                segment_id=segment_id,
                number=number,
                severity_jnd=tuple(recipe.draw_severities(rng).tolist()),
            )
        )
    if has_family(recipe, segment_id, split):
        draws += family_of(recipe, segment_id)
    return as_felt(draws, clean)


def has_family(recipe: FactoredRecipe, segment_id: str, split: str) -> bool:
    """Return whether a segment has a counterfactual family: a share of the held-out ones has."""
    position = unit_interval(recipe.seed, recipe.name, segment_id, "counterfactual")
    return split in HELD_OUT and position < recipe.counterfactual.share


def family_of(recipe: FactoredRecipe, segment_id: str) -> list[FactoredDraw]:
    """Return a segment's family as it is asked for: base, factors at each severity, and twins."""
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


def as_felt(draws: Sequence[FactoredDraw], clean: Performance) -> list[FactoredDraw]:
    """Return the draws of one segment with 0 for each severity of which nothing comes."""
    if not draws:
        return []
    factors = draws[0].recipe.factors
    can_strike = {name: factors[name].can_strike(clean) for name in FACTORS}
    return [
        replace(
            draw,
            severity_jnd=tuple(
                severity
                if severity
                and can_strike[name]
                and not factors[name].misses(clean, severity, draw.stream)
                else 0.0
                for name, severity in draw.severities_jnd.items()
            ),
        )
        for draw in draws
    ]
