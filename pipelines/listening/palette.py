"""The colours of notes and takes in piano rolls, chosen to stay apart for colour-blind eyes."""

from models.evaluation.report.figures.palette import TIER_COLOURS
from pipelines.listening.note_changes import NoteChange

UNDAMAGED = "undamaged"
PEDAL_AS_PLAYED, PEDAL_AS_SWITCH = "pedal_as_played", "pedal_as_a_switch"

TAKE_COLOURS = {
    **TIER_COLOURS,
    UNDAMAGED: TIER_COLOURS["pristine"],
    "note_accuracy": "#b2182b",
    "rhythmic_stability": "#2166ac",
    "articulation_clarity": "#762a83",
    "pedal_technique": "#8c510a",
    "tone_quality": "#1b7837",
    "dynamic_range": "#e08214",
    "musical_expression": "#35978f",
    PEDAL_AS_PLAYED: TIER_COLOURS["pristine"],
    PEDAL_AS_SWITCH: "#8c510a",
}
"""Takes of the listening page in their order: tiers, or the factors after the undamaged take; the
two pedals."""

NOTE_COLOURS = {
    NoteChange.KEPT: "#87888c",
    NoteChange.MOVED: "#2196f3",
    NoteChange.WRONG: "#c8281c",
    NoteChange.MISSED: "#f0a81c",
    NoteChange.EXTRA: "#a2189a",
}
"""A colour for each kind of change. Missed notes are also hollow: hue is not the only sign."""

NOTE_LEGEND = {
    NoteChange.KEPT: "as played",
    NoteChange.MOVED: "moved by more than 10 ms",
    NoteChange.WRONG: "wrong pitch",
    NoteChange.MISSED: "missed",
    NoteChange.EXTRA: "extra",
}
"""The text for each kind of change, in the order of legends."""


def velocity_opacity(velocity: int) -> float:
    """Return the opacity at which a note of a MIDI velocity is drawn: from 0.45 (1) to 1 (127)."""
    return 0.45 + 0.55 * (velocity - 1) / 126
