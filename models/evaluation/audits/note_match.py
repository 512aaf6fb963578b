"""How well transcribed notes and pedal match those that were played."""

from dataclasses import dataclass

import numpy as np

from degradation.notes import PEDAL_DOWN_FROM, SUSTAIN, NoteArray, Performance
from models.tokens.performance import depth_at

TOLERANCE_S = 0.05
"""How far an onset may be off: MIREX's and `mir_eval.transcription`'s 50 ms."""

ROUNDED_S = 1e-4
"""`mir_eval` rounds distances to four decimals before it compares them."""

PEDAL_STEP_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteMatch:
    """How many notes were played, found, and matched.

    Over matched notes, `onset_spread_ms` is the standard deviation of how late the onset was
    found, `velocity_error` the mean absolute difference of velocities; None without a match.
    """

    played: int
    found: int
    matched: int
    onset_spread_ms: float | None
    velocity_error: float | None

    @property
    def precision(self) -> float:
        """Share of the found notes that were played; 0 when none was found."""
        return self.matched / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the played notes that were found; 0 when none was played."""
        return self.matched / self.played if self.played else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 when nothing matches."""
        return 2 * self.matched / (self.played + self.found) if self.matched else 0.0


def match_onsets(played: NoteArray, found: NoteArray) -> NoteMatch:
    """Return how many notes agree in pitch, with onsets at most 50 ms apart, one to one.

    Both are sorted by onset. The figures are those of
    `mir_eval.transcription.precision_recall_f1_overlap` with `offset_ratio=None` (Raffel et al.
    2014), which seeks a largest matching; on one key, taking the earliest pairs first finds one.
    """
    pairs: list[tuple[int, int]] = []
    for pitch in np.unique(played["pitch"]):
        ours, theirs = (np.flatnonzero(side["pitch"] == pitch) for side in (played, found))
        i = j = 0
        while i < len(ours) and j < len(theirs):
            apart_s = float(found["onset_s"][theirs[j]] - played["onset_s"][ours[i]])
            if round(abs(apart_s) / ROUNDED_S) <= round(TOLERANCE_S / ROUNDED_S):
                pairs.append((ours[i], theirs[j]))
                i, j = i + 1, j + 1
            elif apart_s > 0:
                i += 1
            else:
                j += 1
    one, other = np.array(pairs, np.int64).reshape(-1, 2).T
    later_s = found["onset_s"][other] - played["onset_s"][one]
    louder = found["velocity"][other].astype(float) - played["velocity"][one]
    return NoteMatch(
        played=len(played),
        found=len(found),
        matched=len(pairs),
        onset_spread_ms=1e3 * float(later_s.std()) if pairs else None,
        velocity_error=float(np.abs(louder).mean()) if pairs else None,
    )


def pedal_agreement(played: Performance, found: Performance) -> float:
    """Return the share of the time, 0 to 1, in which both sustain pedals are down or both up.

    Every 10 ms, over the shorter of the two.
    """
    time_s = np.arange(0.0, min(played.duration_s, found.duration_s), PEDAL_STEP_S)
    ours, theirs = (
        depth_at(performance.pedal, SUSTAIN, time_s) >= PEDAL_DOWN_FROM
        for performance in (played, found)
    )
    return float(np.mean(ours == theirs))
