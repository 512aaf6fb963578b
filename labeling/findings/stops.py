"""Stops, and passages that are played again after one."""

import numpy as np
from numpy.typing import NDArray

from degradation.melody_bass import EVENT_GAP_S, first_of_chord
from degradation.notes import NoteArray, Performance
from labeling.findings.finding import Finding

NEIGHBOURS = 3
"""Intervals on each side that a gap is compared with."""

TIMES_NEIGHBOURS = 2.0
SHORTEST_STOP_S, LONGEST_STOP_S = 0.4, 8.0
MOST_STOPS, MOST_AGAIN = 3, 2
"""Those with a sentence of their own; the first stop also counts all."""

ALIKE, OFF_WHOLE, LONG_NOTES = 0.15, 0.25, 3
"""Gaps alike within this share, and this near a whole multiple, in so many places, are rhythm."""

WAIT, SHORTEST_WAIT_S = 1.3, 0.2
"""A wait comes before a passage that is played again: of so many of its neighbours, and longer."""

LONGEST_AGAIN, SHORTEST_AGAIN = 16, 3
"""Chords of a passage that is played again."""

FEWEST_NOTES_AGAIN = 4

FloatArray = NDArray[np.float64]


def find_stops(performance: Performance) -> list[Finding]:
    """Return the longest stops: gaps between chords of more than twice those around them.

    `extra_s` is how long the gap is beyond the median of three intervals on either side, and at
    least 0.4 s (beginners stop for seconds; Drake & Botte 1993: 6 % of an interval is noticed).
    `around_s` is that median, `count` and `total_s` are of all stops of the take.
    """
    chord_s = _chords(performance.notes)
    around_s, extra_s = _gaps(chord_s)
    longest = _longest_around(np.diff(chord_s))
    long = (extra_s > SHORTEST_STOP_S) & (extra_s < LONGEST_STOP_S)
    long &= np.diff(chord_s) > TIMES_NEIGHBOURS * longest
    stops = np.flatnonzero(long)
    stops = stops[~_long_notes(np.diff(chord_s)[stops] / around_s[stops])]
    told = stops[np.argsort(-extra_s[stops], kind="stable")][:MOST_STOPS]
    return [
        Finding(
            code="stop",
            dimension="rhythmic_stability",
            at_s=float(chord_s[k]),
            until_s=float(chord_s[k + 1]),
            size=float(extra_s[k] / SHORTEST_STOP_S),
            numbers={
                "extra_s": float(extra_s[k]),
                "around_s": float(around_s[k]),
                "count": len(stops),
                "total_s": float(extra_s[stops].sum()),
            },
        )
        for k in told
    ]


def find_repetitions(performance: Performance) -> list[Finding]:
    """Return the longest passages of 3 to 16 chords that come twice in a row, with a wait between.

    `chords` is the passage's length, `wait_s` how much longer than its neighbours the wait is.
    """
    notes = performance.notes
    first = first_of_chord(notes["onset_s"], EVENT_GAP_S)
    chord_s = notes["onset_s"][first]
    pitches = [tuple(sorted(part["pitch"].tolist())) for part in np.split(notes, first[1:])]
    around_s, extra_s = _gaps(chord_s)
    found, past = [], 0
    for k in np.flatnonzero(extra_s > np.maximum((WAIT - 1) * around_s, SHORTEST_WAIT_S)):
        again = int(k) + 1
        for length in range(LONGEST_AGAIN, SHORTEST_AGAIN - 1, -1):
            if again < max(past, length):
                continue
            passage = pitches[again - length : again]
            if passage == pitches[again : again + length] and _says_something(passage):
                past = again + length
                found.append(
                    Finding(
                        code="played_again",
                        dimension="rhythmic_stability",
                        at_s=float(chord_s[again - length]),
                        until_s=float(chord_s[past - 1]),
                        size=length / SHORTEST_AGAIN,
                        numbers={"chords": length, "wait_s": float(extra_s[k])},
                    )
                )
                break
    return sorted(found, key=lambda one: (-one.size, one.at_s))[:MOST_AGAIN]


def _long_notes(times: FloatArray) -> NDArray[np.bool_]:
    """Return which gaps, in intervals around them, are of the music's rhythm."""
    alike = np.abs(np.subtract.outer(times, times)) < ALIKE * times
    whole = np.abs(times - np.rint(times)) < OFF_WHOLE
    return np.asarray(whole & (alike.sum(axis=1) >= LONG_NOTES))


def _says_something(passage: list[tuple[int, ...]]) -> bool:
    """Whether a passage has notes enough, and is no single chord struck over and over."""
    return len(set(passage)) > 1 and sum(map(len, passage)) >= FEWEST_NOTES_AGAIN


def _chords(notes: NoteArray) -> FloatArray:
    return np.asarray(notes["onset_s"][first_of_chord(notes["onset_s"], EVENT_GAP_S)])


def _neighbours(interval_s: FloatArray) -> FloatArray:
    """Return the intervals around each, (n, 2 * NEIGHBOURS); NaN beyond the ends."""
    padded = np.pad(interval_s, NEIGHBOURS, constant_values=np.nan)
    each = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    return np.delete(each, NEIGHBOURS, axis=1)


def _gaps(chord_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the median interval around each gap, and how far the gap exceeds it, in seconds."""
    interval_s = np.diff(chord_s)
    if len(interval_s) < 2:
        return np.zeros_like(interval_s), np.zeros_like(interval_s)
    around_s = np.nanmedian(_neighbours(interval_s), axis=1)
    return around_s, interval_s - around_s


def _longest_around(interval_s: FloatArray) -> FloatArray:
    if len(interval_s) < 2:
        return np.full_like(interval_s, np.inf)
    return np.asarray(
        np.nanmax(_neighbours(interval_s)[:, NEIGHBOURS - 1 : NEIGHBOURS + 1], axis=1)
    )
