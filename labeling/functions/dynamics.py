"""How wide the dynamics are, and how smoothly they run."""

import numpy as np

from degradation.notes import Performance
from degradation.waveform import Waveform
from labeling.functions.events import local_residuals
from labeling.functions.reading import Abstention, LabelingFunction, ScoreCurve

MIN_NOTES = 12
FEW_NOTES = Abstention(f"fewer than {MIN_NOTES} notes")
ALL_ALIKE = Abstention("every note is struck alike, so there is no shape to follow")

# Neighbours in a voice: within about half a second and a major third.
VOICE_REACH_S, VOICE_REACH_SEMITONES = 0.5, 4.0


def velocity_range(performance: Performance, waveform: Waveform | None) -> float | Abstention:
    """Return the key velocity that nine notes of ten stay below, less that of one in ten.

    In MIDI velocity units. Within-score Spearman with PercePiano's dynamic range: +.27, against
    +.19 for the full range, which hangs on two notes.
    """
    velocity = performance.notes["velocity"]
    if len(velocity) < MIN_NOTES:
        return FEW_NOTES
    soft, loud = np.quantile(velocity, [0.1, 0.9])
    return float(loud - soft)


def velocity_roughness(performance: Performance, waveform: Waveform | None) -> float | Abstention:
    """Return the share of the velocities' spread that their neighbours do not explain.

    The RMS of each note's velocity about the mean of its neighbours in time and pitch, over the
    standard deviation of all: near 0 for a smooth line in every voice, about 1 where each note
    is struck at random. Free of how wide the dynamics are (`velocity_range` judges that).
    Within-score Spearman on PercePiano: +.13 with mellow-raw, -.15 with unconvincing-convincing;
    the mean absolute velocity step follows neither.
    """
    notes = performance.notes
    if len(notes) < MIN_NOTES:
        return FEW_NOTES
    velocity = notes["velocity"].astype(np.float64)
    if velocity.min() == velocity.max():
        return ALL_ALIKE
    residuals = local_residuals(
        velocity,
        notes["onset_s"],
        notes["pitch"].astype(np.float64),
        reach_s=VOICE_REACH_S,
        reach_semitones=VOICE_REACH_SEMITONES,
    )
    return float(np.sqrt(np.mean(residuals**2)) / velocity.std())


MIDI_VELOCITY_RANGE = LabelingFunction(
    name="MIDIVelocityRange",
    unit="MIDI velocity",
    dimension="dynamic_range",
    listens_to="midi",
    measure=velocity_range,
    curve=ScoreCurve(typical=33.0, weak=19.6),
)

MIDI_VELOCITY_SMOOTHING = LabelingFunction(
    name="MIDIVelocitySmoothing",
    unit="ratio (local roughness to overall spread of velocity)",
    dimension="musical_expression",
    listens_to="midi",
    measure=velocity_roughness,
    curve=ScoreCurve(typical=0.72, weak=1.0),
)
