"""The sustain pedal: held through changes of harmony, or never used."""

import numpy as np
from numpy.typing import NDArray

from degradation.notes import PEDAL_DOWN_FROM, SUSTAIN, NoteArray, Performance
from labeling.findings.finding import Finding
from labeling.functions.pedal import pedal_spans

FEWEST_HARMONIES = 3
MOST_PRESSES = 2
"""Presses with a sentence of their own; the first also counts all."""

STEP_S = 1.0
"""Harmony is read once a second; a chord that is held for less is passing."""

FEWEST_NOTES = 30
"""A shorter take without pedal may simply need none."""

TRIADS = np.array(
    [[(step - root) % 12 in triad for step in range(12)]
     for triad in ({0, 4, 7}, {0, 3, 7}) for root in range(12)],
    dtype=np.float64,
)  # fmt: skip
"""Which pitch classes the 24 major and minor triads hold."""


def find_harmonies_under_pedal(performance: Performance) -> list[Finding]:
    """Return the presses of the sustain pedal that last through three harmonies or more.

    `harmonies` counts the changes of triad under one press, and the first: every second's notes,
    by velocity, are read as the major or minor triad that holds most of them. `count` is of all
    such presses. A pedal that is half lifted, below 64, ends a press.
    """
    found = []
    for down_s, up_s in _presses(performance):
        onset_s = performance.notes["onset_s"]
        first, past = np.searchsorted(onset_s, (down_s - 1e-9, up_s))
        harmonies = count_harmonies(performance.notes[first:past])
        if harmonies >= FEWEST_HARMONIES:
            found.append((harmonies, float(down_s), float(up_s)))
    return [
        Finding(
            code="harmonies_under_pedal",
            dimension="pedal_technique",
            at_s=down_s,
            until_s=up_s,
            size=harmonies / FEWEST_HARMONIES,
            numbers={"harmonies": harmonies, "lasts_s": up_s - down_s, "count": len(found)},
        )
        for harmonies, down_s, up_s in sorted(found, reverse=True)[:MOST_PRESSES]
    ]


def _presses(performance: Performance) -> NDArray[np.float64]:
    """Return when the sustain pedal reaches 64 and when it leaves it, in s, of shape (n, 2)."""
    moved = performance.pedal[performance.pedal["controller"] == SUSTAIN]
    down = np.concatenate([[False], moved["value"] >= PEDAL_DOWN_FROM, [False]])
    time_s = np.append(moved["time_s"], performance.duration_s)
    return np.asarray(time_s[np.flatnonzero(down[1:] != down[:-1])].reshape(-1, 2))


def count_harmonies(notes: NoteArray) -> int:
    """Return how many triads follow each other in sorted notes; a second of unclear notes is none.

    A second whose notes fit the triad before it as well as any other is no change.
    """
    if not len(notes):
        return 0
    step = ((notes["onset_s"] - notes["onset_s"][0]) / STEP_S).astype(np.intp)
    chroma = np.zeros((int(step[-1]) + 1, 12))
    np.add.at(chroma, (step, notes["pitch"] % 12), notes["velocity"])
    count, current = 0, -1
    for sounding in chroma[(chroma > 0).sum(axis=1) >= 2]:
        fit: NDArray[np.float64] = TRIADS @ sounding / sounding.sum()
        best = int(fit.argmax())
        if fit[best] > 0.7 and (current < 0 or fit[current] < fit[best] - 0.2):
            count, current = count + 1, best
    return count


def find_unused_pedal(performance: Performance) -> list[Finding]:
    """Say so where the sustain pedal is never down in a take of thirty notes or more.

    `notes` counts them.
    """
    notes = performance.notes
    if len(notes) < FEWEST_NOTES or len(pedal_spans(performance.pedal, performance.duration_s)):
        return []
    return [
        Finding(
            code="pedal_never_down",
            dimension="pedal_technique",
            at_s=0.0,
            until_s=performance.duration_s,
            size=1.0,
            numbers={"notes": len(notes)},
        )
    ]
