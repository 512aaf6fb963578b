"""How steady the timing is: from event to event, and from beat to beat.

Beats are estimated from the notes: MAESTRO's files hold no tempo map.
"""

import numpy as np
from numpy.typing import NDArray

from degradation.melody_bass import EVENT_GAP_S, chord_onsets, first_of_chord
from degradation.notes import Performance
from degradation.waveform import Waveform
from labeling.functions.reading import Abstention, LabelingFunction, ScoreCurve

MIN_EVENTS = 8
MIN_BEATS = 5
FEW_EVENTS = Abstention(f"fewer than {MIN_EVENTS} chords or single notes")
FEW_BEATS = Abstention(f"no pulse lasts {MIN_BEATS} beats")

FloatArray = NDArray[np.float64]

# The pulse is sought between 0.25 and 1.5 s and 0.4 s is preferred (one octave off weighs 0.6):
# the period at which beat-to-beat variation follows listeners best on PercePiano.
SHORTEST_PULSE_S, LONGEST_PULSE_S, PREFERRED_PULSE_S = 0.25, 1.5, 0.4
PULSE_STEP_OCTAVES = 0.02
PULSE_SMOOTHING_OCTAVES = 0.04

MOST_BEATS_SKIPPED = 2
SKIP_COST = 0.3
OFF_PULSE_COST = 6.0
"""Cost of a beat an octave from the pulse, in events; 3-30 were tried against listeners."""


def timing_variance(performance: Performance, waveform: Waveform | None) -> float | Abstention:
    """Return how unequal inter-onset intervals are: no unit, 0 for an even stream of chords.

    The geometric mean of two measures, both free of tempo: the coefficient of variation of the
    intervals (against the whole window), and the normalised pairwise variability index (against
    the next interval; Grabe & Low 2002), as a ratio. Within-score Spearman with PercePiano's
    timing stable-unstable: +.40 together, +.38 and +.35 alone; the second sees jitter better.
    """
    notes = performance.notes
    if len(notes) == 0:
        return FEW_EVENTS
    event_s = chord_onsets(notes["onset_s"], EVENT_GAP_S)
    if len(event_s) < MIN_EVENTS:
        return FEW_EVENTS
    interval_s = np.diff(event_s)
    overall = interval_s.std() / interval_s.mean()
    pairwise = 2 * np.abs(np.diff(interval_s)) / (interval_s[1:] + interval_s[:-1])
    return float(np.sqrt(overall * pairwise.mean()))


def tempo_instability(performance: Performance, waveform: Waveform | None) -> float | Abstention:
    """Return how much the length of a beat varies: octaves, 0 for a metronome.

    Beats are found among the events by `track_beats`. The geometric mean of the standard
    deviation of log2 beat length and of its mean absolute change from beat to beat. Within-score
    Spearman with PercePiano's timing stable-unstable: +.45.
    """
    notes = performance.notes
    if len(notes) == 0:
        return FEW_EVENTS
    first = first_of_chord(notes["onset_s"], EVENT_GAP_S)
    if len(first) < MIN_EVENTS:
        return FEW_EVENTS
    event_s = notes["onset_s"][first]
    loudest = np.maximum.reduceat(notes["velocity"].astype(np.float64), first)
    weight = loudest * np.sqrt(np.diff(first, append=len(notes)))
    weight /= weight.mean()
    pulse_s = find_pulse(event_s, weight)
    if pulse_s is None:
        return FEW_BEATS
    length_s, beats = track_beats(event_s, weight, pulse_s)
    if len(length_s) < MIN_BEATS:
        return FEW_BEATS
    length = np.log2(length_s)
    mean = np.average(length, weights=beats)
    spread = np.sqrt(np.average((length - mean) ** 2, weights=beats))
    return float(np.sqrt(spread * np.abs(np.diff(length)).mean()))


def find_pulse(event_s: FloatArray, weight: FloatArray) -> float | None:
    """Return the commonest interval between any two events, in seconds; None where there is none.

    `event_s` and `weight` have shape (n,).
    """
    gap_s = np.subtract.outer(event_s, event_s).T
    later, earlier = np.nonzero((gap_s > SHORTEST_PULSE_S) & (gap_s < LONGEST_PULSE_S))
    if len(later) == 0:
        return None
    octaves = np.log2(gap_s[later, earlier] / SHORTEST_PULSE_S)
    n_bins = int(np.log2(LONGEST_PULSE_S / SHORTEST_PULSE_S) / PULSE_STEP_OCTAVES) + 1
    counts = np.bincount(
        (octaves / PULSE_STEP_OCTAVES).astype(np.intp),
        weights=np.sqrt(weight[later] * weight[earlier]),
        minlength=n_bins,
    )
    reach = np.arange(-6, 7) * PULSE_STEP_OCTAVES / PULSE_SMOOTHING_OCTAVES
    counts = np.convolve(counts, np.exp(-0.5 * reach**2), mode="same")
    period_s = SHORTEST_PULSE_S * 2 ** ((np.arange(n_bins) + 0.5) * PULSE_STEP_OCTAVES)
    preference = np.exp(-0.5 * np.log2(period_s / PREFERRED_PULSE_S) ** 2)
    return float(period_s[np.argmax(counts * preference)])


def track_beats(
    event_s: FloatArray, weight: FloatArray, pulse_s: float
) -> tuple[FloatArray, FloatArray]:
    """Return the lengths in seconds of the beats of the best chain of events, and their counts.

    Dynamic programming after Ellis 2007 ("Beat tracking by dynamic programming"), over events
    instead of frames: a chain gains the weight of its events and pays for every step that strays
    from one, two or three pulses. A step over k beats counts as k and has a k-th of its length.
    """
    gap_s = np.subtract.outer(event_s, event_s).T
    beats = np.clip(np.rint(gap_s / pulse_s), 1, MOST_BEATS_SKIPPED + 1)
    reachable = (gap_s > 0.55 * pulse_s) & (gap_s < (MOST_BEATS_SKIPPED + 1.6) * pulse_s)
    strayed = np.log2(np.where(reachable, gap_s, pulse_s) / (beats * pulse_s))
    cost = np.where(reachable, OFF_PULSE_COST * strayed**2 + SKIP_COST * (beats - 1), np.inf)
    gained = weight.copy()
    previous = np.full(len(event_s), -1)
    for event in range(1, len(event_s)):
        chains = gained[:event] - cost[:event, event]
        best = int(np.argmax(chains))
        if chains[best] > 0:
            gained[event] += chains[best]
            previous[event] = best
    chain = [int(np.argmax(gained))]
    while previous[chain[-1]] >= 0:
        chain.append(int(previous[chain[-1]]))
    on_beat = np.array(chain[::-1])
    counted = beats[on_beat[:-1], on_beat[1:]]
    return np.diff(event_s[on_beat]) / counted, counted


MIDI_TIMING_VARIANCE = LabelingFunction(
    name="MIDITimingVariance",
    unit="ratio (variability of inter-onset intervals)",
    dimension="rhythmic_stability",
    measure=timing_variance,
    curve=ScoreCurve(typical=0.38, weak=0.84),
)

MIDI_TEMPO_STABILITY = LabelingFunction(
    name="MIDITempoStability",
    unit="octaves (variation of the beat's length)",
    dimension="rhythmic_stability",
    measure=tempo_instability,
    curve=ScoreCurve(typical=0.13, weak=0.205),
)
