"""Which scale each function, heuristic and dimension should follow, and with which sign.

Most scales describe and do not praise: bright is not better than dark. A sign is claimed only
where one pole is what the thing means; elsewhere there is nothing to be right about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from labeling.scores import Dimension
from storage.percepiano import SCALES

Sign = Literal[-1, 1]


@dataclass(frozen=True, slots=True)
class Claim:
    """A scale, the sign of the correlation with it (1: grows towards its second pole), and why."""

    scale: str
    sign: Sign
    reason: str

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"{self.scale!r} is no scale; expected one of {', '.join(SCALES)}")


FUNCTION_CLAIMS: Mapping[str, Claim] = {
    "MIDITimingVariance": Claim("timing stable–unstable", 1, "uneven intervals are unstable"),
    "MIDITempoStability": Claim(
        "timing stable–unstable", 1, "beats of varying length are unstable"
    ),
    "MIDIVelocityRange": Claim("dynamic range little–large", 1, "the same thing"),
    "MIDIVelocitySmoothing": Claim("dynamics mellow–raw", 1, "roughness is crude"),
    "MIDINoteDurationVariance": Claim(
        "articulation short–long", 1, "uneven durations come of notes held over"
    ),
    "MIDIPedalCoherence": Claim("pedal clean–blurred", 1, "dissonance let through is blur"),
    "MIDIPedalTiming": Claim("pedal clean–blurred", 1, "late lifts blur"),
    "AudioSpectralCentroid": Claim("timbre shallow–rich", -1, "too bright or too dull is shallow"),
    "AudioAttackTransients": Claim("articulation soft–hard", 1, "sharp attacks are hard"),
}
"""Of each labeling function's *value*, in its unit; its score may run the other way."""

DIMENSION_CLAIMS: Mapping[Dimension, tuple[Claim, ...]] = {
    "note_accuracy": (),
    "rhythmic_stability": (Claim("timing stable–unstable", -1, "a high score is steady playing"),),
    "articulation_clarity": (),
    "pedal_technique": (Claim("pedal clean–blurred", -1, "a high score is clean pedalling"),),
    "tone_quality": (Claim("timbre shallow–rich", 1, "rich tone is praise"),),
    "dynamic_range": (Claim("dynamic range little–large", 1, "the same thing"),),
    "musical_expression": (
        Claim("space flat–spacious", 1, "flat playing is not expressive"),
        Claim("dynamics mellow–raw", -1, "sophisticated dynamics against crude ones"),
    ),
    "overall_interpretation": (
        Claim("interpretation doubtful–convincing", 1, "the listeners' own verdict"),
        Claim("balance disproportioned–balanced", 1, "balance is praise"),
    ),
}
"""Of each dimension's score (100 is best)."""

NO_CLAIM: Mapping[Dimension, str] = {
    "note_accuracy": "no scale asks for wrong notes, and the players are professionals",
    "articulation_clarity": (
        "short–long and soft–hard describe: neither pole is the clearer articulation"
    ),
}
"""Why some dimensions claim nothing of listeners."""

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
"""Scales of the same subject that praise nothing: shown beside a dimension, no sign claimed."""
