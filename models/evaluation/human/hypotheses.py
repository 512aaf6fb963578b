"""Which scale each function and dimension should correlate with, and with which sign.

Most scales describe and do not praise: bright is not better than dark. A hypothesis is stated only
where one pole is what the measure means.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from labeling.scores import Dimension
from models.evaluation.human.document import Sign


class Hypothesis(NamedTuple):
    """A scale, and the sign of the correlation with it (1: grows towards its second pole)."""

    scale: str
    sign: Sign


FUNCTION_HYPOTHESES: Mapping[str, Hypothesis] = {
    "MIDITimingVariance": Hypothesis("timing stable–unstable", 1),
    "MIDITempoStability": Hypothesis("timing stable–unstable", 1),
    "MIDIVelocityRange": Hypothesis("dynamic range little–large", 1),
    "MIDIVelocitySmoothing": Hypothesis("dynamics mellow–raw", 1),
    # Uneven durations come of notes held over.
    "MIDINoteDurationVariance": Hypothesis("articulation short–long", 1),
    "MIDIPedalCoherence": Hypothesis("pedal clean–blurred", 1),
    "MIDIPedalTiming": Hypothesis("pedal clean–blurred", 1),
    # The function measures the distance from the usual tone.
    "AudioSpectralCentroid": Hypothesis("timbre shallow–rich", -1),
    "AudioAttackTransients": Hypothesis("articulation soft–hard", 1),
}
"""Of each labeling function's *value*, in its unit; its score may run the other way."""

DIMENSION_HYPOTHESES: Mapping[Dimension, tuple[Hypothesis, ...]] = {
    "rhythmic_stability": (Hypothesis("timing stable–unstable", -1),),
    "pedal_technique": (Hypothesis("pedal clean–blurred", -1),),
    "tone_quality": (Hypothesis("timbre shallow–rich", 1),),
    "dynamic_range": (Hypothesis("dynamic range little–large", 1),),
    "musical_expression": (
        Hypothesis("space flat–spacious", 1),
        Hypothesis("dynamics mellow–raw", -1),
    ),
    "overall_interpretation": (
        Hypothesis("interpretation doubtful–convincing", 1),
        Hypothesis("balance disproportioned–balanced", 1),
    ),
}
"""Of each dimension's score (100 is best)."""

NO_HYPOTHESIS: Mapping[Dimension, str] = {
    "note_accuracy": "no scale asks for wrong notes, and the players are professionals",
    "articulation_clarity": (
        "short–long and soft–hard describe: neither pole is the clearer articulation"
    ),
}
"""Why the other dimensions have no hypothesis."""


@dataclass(frozen=True, slots=True)
class Heuristic:
    """A measure's name, and the scale and sign of its hypothesis."""

    name: str
    scale: str
    sign: Sign


HEURISTICS: tuple[Heuristic, ...] = (
    Heuristic("deviation from a median-IOI grid", "timing stable–unstable", 1),
    Heuristic("variation of inter-onset intervals", "timing stable–unstable", 1),
    Heuristic("velocity range", "dynamic range little–large", 1),
    Heuristic("velocity standard deviation", "dynamic range little–large", 1),
    Heuristic("mean absolute velocity step", "dynamics mellow–raw", 1),
    Heuristic("variation of durations", "articulation short–long", 1),
    Heuristic("overlap ratio", "articulation short–long", 1),
    Heuristic("pedal changes a minute", "pedal sparse–saturated", 1),
    Heuristic("share of time the pedal is down", "pedal sparse–saturated", 1),
    Heuristic("pedal-to-onset distance", "pedal clean–blurred", 1),
    Heuristic("mean velocity", "timbre soft–loud", 1),
    Heuristic("mean velocity", "energy low–high", 1),
    Heuristic("notes a second", "pace fast–slow", -1),
)
"""What is often proposed, as `SCIENCE` §4 stated it before this code was written."""
