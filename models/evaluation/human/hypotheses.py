"""Which scale each function, heuristic and dimension should correlate with, and with which sign.

Most scales describe and do not praise: bright is not better than dark. A hypothesis is stated only
where one pole is what the measure means.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from labeling.scores import Dimension
from models.evaluation.human.document import Sign
from storage.percepiano import SCALES


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A scale, the sign of the correlation with it (1: grows towards its second pole), and why."""

    scale: str
    sign: Sign
    reason: str

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"{self.scale!r} is no scale; expected one of {', '.join(SCALES)}")


FUNCTION_HYPOTHESES: Mapping[str, Hypothesis] = {
    "MIDITimingVariance": Hypothesis("timing stable–unstable", 1, "uneven intervals are unstable"),
    "MIDITempoStability": Hypothesis(
        "timing stable–unstable", 1, "beats of varying length are unstable"
    ),
    "MIDIVelocityRange": Hypothesis("dynamic range little–large", 1, "the same thing"),
    "MIDIVelocitySmoothing": Hypothesis("dynamics mellow–raw", 1, "roughness is crude"),
    "MIDINoteDurationVariance": Hypothesis(
        "articulation short–long", 1, "uneven durations come of notes held over"
    ),
    "MIDIPedalCoherence": Hypothesis("pedal clean–blurred", 1, "dissonance let through is blur"),
    "MIDIPedalTiming": Hypothesis("pedal clean–blurred", 1, "late lifts blur"),
    "AudioSpectralCentroid": Hypothesis("timbre shallow–rich", -1, "off the usual tone is shallow"),
    "AudioAttackTransients": Hypothesis("articulation soft–hard", 1, "sharp attacks are hard"),
}
"""Of each labeling function's *value*, in its unit; its score may run the other way."""

DIMENSION_HYPOTHESES: Mapping[Dimension, tuple[Hypothesis, ...]] = {
    "note_accuracy": (),
    "rhythmic_stability": (Hypothesis("timing stable–unstable", -1, "a high score is steady"),),
    "articulation_clarity": (),
    "pedal_technique": (Hypothesis("pedal clean–blurred", -1, "a high score is clean pedalling"),),
    "tone_quality": (Hypothesis("timbre shallow–rich", 1, "rich tone is praise"),),
    "dynamic_range": (Hypothesis("dynamic range little–large", 1, "the same thing"),),
    "musical_expression": (
        Hypothesis("space flat–spacious", 1, "flat playing is not expressive"),
        Hypothesis("dynamics mellow–raw", -1, "sophisticated dynamics against crude ones"),
    ),
    "overall_interpretation": (
        Hypothesis("interpretation doubtful–convincing", 1, "the listeners' own verdict"),
        Hypothesis("balance disproportioned–balanced", 1, "balance is praise"),
    ),
}
"""Of each dimension's score (100 is best)."""

NO_HYPOTHESIS: Mapping[Dimension, str] = {
    "note_accuracy": "no scale asks for wrong notes, and the players are professionals",
    "articulation_clarity": (
        "short–long and soft–hard describe: neither pole is the clearer articulation"
    ),
}
"""Why some dimensions have no hypothesis."""

DESCRIBED: Mapping[Dimension, tuple[str, ...]] = {
    "note_accuracy": (),
    "rhythmic_stability": (),
    "articulation_clarity": ("articulation short–long", "articulation soft–hard"),
    "pedal_technique": ("pedal sparse–saturated",),
    "tone_quality": ("timbre even–colorful", "timbre bright–dark"),
    "dynamic_range": (),
    "musical_expression": ("character pure–dramatic", "imagination honest–imaginative"),
    "overall_interpretation": (),
}
"""Scales of the same subject that only describe: shown beside a dimension without a hypothesis."""


def scales_of(dimension: Dimension) -> list[tuple[str, Sign | None]]:
    """Return the scales shown beside a dimension: those of a hypothesis first, with its sign."""
    stated: list[tuple[str, Sign | None]] = [
        (one.scale, one.sign) for one in DIMENSION_HYPOTHESES[dimension]
    ]
    return [*stated, *((scale, None) for scale in DESCRIBED[dimension])]
