"""How evenly notes are joined or detached."""

import numpy as np

from degradation.notes import Performance
from degradation.waveform import Waveform
from labeling.functions.events import CHORD_GAP_S, local_residuals
from labeling.functions.reading import Abstention, LabelingFunction, ScoreCurve

MIN_NOTES = 12
MIN_FOLLOWED = 8
FEW_FOLLOWED = Abstention(f"fewer than {MIN_FOLLOWED} notes are followed by one in their voice")

VOICE_REACH_SEMITONES = 12
LONGEST_WAIT_S = 2.0
LATER_PER_SEMITONE_S = 0.02
"""A semitone further away counts as this much later when a note's successor is chosen."""

SHORTEST_OCTAVES, LONGEST_OCTAVES = -3.0, 2.0
"""Key-down ratios are clipped to an eighth and to four times the interval to the next note."""

NEIGHBOUR_REACH_S, NEIGHBOUR_REACH_SEMITONES = 0.5, 4.0


def articulation_variance(
    performance: Performance, waveform: Waveform | None
) -> float | Abstention:
    """Return how far notes are joined or detached unlike their neighbours, in octaves RMS.

    A note's articulation is the log2 of the time its key is down over the time to the next note
    of its voice (0: legato, -1: half as long; the ratio of Bresin & Battel 2000), for durations
    alone vary with the rhythm. Neighbours as in `events.local_residuals`. Within-score Spearman
    with PercePiano's articulation short-long: +.12, against -.08 for the coefficient of
    variation of durations.
    """
    notes = performance.notes
    if len(notes) < MIN_NOTES:
        return FEW_FOLLOWED
    onset_s, pitch = notes["onset_s"], notes["pitch"].astype(np.float64)
    wait_s = np.subtract.outer(onset_s, onset_s).T
    distance = np.abs(np.subtract.outer(pitch, pitch))
    follows = (
        (wait_s > CHORD_GAP_S)
        & (wait_s < LONGEST_WAIT_S)
        & (distance > 0)
        & (distance <= VOICE_REACH_SEMITONES)
    )
    successor = np.where(follows, wait_s + LATER_PER_SEMITONE_S * distance, np.inf).argmin(axis=1)
    followed = follows.any(axis=1)
    if followed.sum() < MIN_FOLLOWED:
        return FEW_FOLLOWED
    held_s = (notes["offset_s"] - onset_s)[followed]
    interval_s = (onset_s[successor] - onset_s)[followed]
    articulation = np.clip(np.log2(held_s / interval_s), SHORTEST_OCTAVES, LONGEST_OCTAVES)
    residuals = local_residuals(
        articulation,
        onset_s[followed],
        pitch[followed],
        reach_s=NEIGHBOUR_REACH_S,
        reach_semitones=NEIGHBOUR_REACH_SEMITONES,
    )
    return float(np.sqrt(np.mean(residuals**2)))


MIDI_NOTE_DURATION_VARIANCE = LabelingFunction(
    name="MIDINoteDurationVariance",
    unit="octaves (of key-down time to inter-onset interval)",
    dimension="articulation_clarity",
    listens_to="midi",
    measure=articulation_variance,
    curve=ScoreCurve(typical=0.94, weak=1.44),
)
