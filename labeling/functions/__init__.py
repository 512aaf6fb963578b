"""The nine labeling functions: each maps a window to a value and a score, or abstains.

None scores `note_accuracy` or `overall_interpretation`: without the sheet music, a wrong note that
fits the harmony cannot be distinguished from a right one.
"""

from labeling.functions.articulation import MIDI_NOTE_DURATION_VARIANCE
from labeling.functions.dynamics import MIDI_VELOCITY_RANGE, MIDI_VELOCITY_SMOOTHING
from labeling.functions.pedal import MIDI_PEDAL_COHERENCE, MIDI_PEDAL_TIMING
from labeling.functions.reading import LabelingFunction, Reading, ScoreCurve
from labeling.functions.timbre import AUDIO_ATTACK_TRANSIENTS, AUDIO_SPECTRAL_CENTROID
from labeling.functions.timing import MIDI_TEMPO_STABILITY, MIDI_TIMING_VARIANCE

__all__ = ["LABELING_FUNCTIONS", "LabelingFunction", "Reading", "ScoreCurve"]

LABELING_FUNCTIONS: tuple[LabelingFunction, ...] = (
    MIDI_TIMING_VARIANCE,
    MIDI_TEMPO_STABILITY,
    MIDI_VELOCITY_RANGE,
    MIDI_VELOCITY_SMOOTHING,
    MIDI_NOTE_DURATION_VARIANCE,
    MIDI_PEDAL_COHERENCE,
    MIDI_PEDAL_TIMING,
    AUDIO_SPECTRAL_CENTROID,
    AUDIO_ATTACK_TRANSIENTS,
)
