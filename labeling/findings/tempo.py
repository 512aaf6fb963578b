"""Passages that are slower or faster than the take's own pulse."""

import numpy as np
from numpy.typing import NDArray

from degradation.melody_bass import EVENT_GAP_S, chord_onsets
from degradation.notes import Performance
from labeling.findings.finding import Finding
from labeling.functions.timing import find_pulse

PASSAGE_S, HOP_S = 6.0, 1.0
LEAST_CHANGE = 0.15
"""Five times what listeners notice in a tempo (3 %, Drake & Botte 1993): rubato is less, mostly."""

FOLLOWED_OCTAVES = 0.45
"""A pulse is followed up to a third away; half or one and a half of it are other note values."""

NEAR_OCTAVES = 0.08
FEWEST_GAPS = 4
FEWEST_PASSAGES = 8

ALIKE = 0.02
"""Of neighbouring passages whose tempo differs by less, the middle one is named."""

OWN_FROM_S = 60.0
"""The first minute tells the pulse: the search grows with the square of the events."""


def find_tempo_changes(performance: Performance) -> list[Finding]:
    """Return the slowest and the fastest passage of six seconds, where 15 % or more off.

    `share` is by how much the tempo there differs from the take's own, the median of its passages,
    in parts of it; `pulse_s` is the beat of that.
    """
    event_s = chord_onsets(performance.notes["onset_s"], EVENT_GAP_S)
    opening_s = event_s[event_s < OWN_FROM_S]
    pulse_s = find_pulse(opening_s, np.ones(len(opening_s)))
    if pulse_s is None:
        return []
    starts_s = np.arange(event_s[0], event_s[-1] - PASSAGE_S + HOP_S, HOP_S)
    passages = [_within(event_s, start_s) for start_s in starts_s]
    own_s = float(pulse_s)
    for _ in range(2):  # the second time around the take's own pulse, not the opening's
        beat_s = np.array([local_pulse(passage, own_s) for passage in passages])
        if np.isfinite(beat_s).sum() < FEWEST_PASSAGES:
            return []
        own_s = float(np.nanmedian(beat_s))
    change = own_s / beat_s - 1
    found = []
    for at in {int(np.nanargmin(change)), int(np.nanargmax(change))}:
        share = abs(float(change[at]))
        alike = np.abs(change[at:] - change[at]) < ALIKE
        at += (int(np.append(alike, False).argmin()) - 1) // 2
        if share >= LEAST_CHANGE:
            found.append(
                Finding(
                    code="slower" if change[at] < 0 else "faster",
                    dimension="rhythmic_stability",
                    at_s=float(starts_s[at]),
                    until_s=float(starts_s[at] + PASSAGE_S),
                    size=share / LEAST_CHANGE,
                    numbers={"share": share, "pulse_s": own_s},
                )
            )
    return found


def local_pulse(event_s: NDArray[np.float64], pulse_s: float) -> float:
    """Return the commonest interval near `pulse_s` between any two events, in seconds; else NaN."""
    gap_s = np.subtract.outer(event_s, event_s)
    octaves = np.sort(np.log2(gap_s[gap_s > 0] / pulse_s))
    octaves = octaves[np.abs(octaves) < FOLLOWED_OCTAVES]
    first = np.searchsorted(octaves, octaves - NEAR_OCTAVES)
    alike = np.searchsorted(octaves, octaves + NEAR_OCTAVES) - first
    if alike.max(initial=0) < FEWEST_GAPS:
        return float("nan")
    commonest = first[alike.argmax()] + np.arange(alike.max())
    return float(pulse_s * 2 ** np.median(octaves[commonest]))


def _within(event_s: NDArray[np.float64], start_s: float) -> NDArray[np.float64]:
    first, past = np.searchsorted(event_s, (start_s - 1e-6, start_s + PASSAGE_S))
    return event_s[first:past]
