"""How well transcribed notes are those that were played: onsets and pedal, as `mir_eval` has it."""

from dataclasses import dataclass

import numpy as np

from degradation.notes import SUSTAIN, NoteArray, Performance
from models.tokens.performance import DAMPER_DOWN, depth_at

TOLERANCE_S = 0.05
"""How far an onset may be off: MIREX's and `mir_eval.transcription`'s 50 ms."""

ROUNDED_S = 1e-4
"""`mir_eval` rounds distances to four decimals before it compares them."""

PEDAL_STEP_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteMatch:
    """Notes that were played, those found, and the pairs of both that are one note."""

    played: int
    found: int
    matched: int

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

    The figures are those of `mir_eval.transcription.precision_recall_f1_overlap` with
    `offset_ratio=None` (Raffel et al. 2014). That seeks a largest matching among all notes; on one
    key, where every note reaches equally far, taking the earliest pairs first finds one.
    """
    matched = 0
    for pitch in np.unique(played["pitch"]):
        ours = np.sort(played["onset_s"][played["pitch"] == pitch]).tolist()
        theirs = np.sort(found["onset_s"][found["pitch"] == pitch]).tolist()
        i = j = 0
        while i < len(ours) and j < len(theirs):
            apart_s = theirs[j] - ours[i]
            if round(abs(apart_s) / ROUNDED_S) <= round(TOLERANCE_S / ROUNDED_S):
                matched, i, j = matched + 1, i + 1, j + 1
            elif apart_s > 0:
                i += 1
            else:
                j += 1
    return NoteMatch(played=len(played), found=len(found), matched=matched)


def pedal_agreement(played: Performance, found: Performance) -> float:
    """Return the share of the time, 0 to 1, in which both sustain pedals are down or both up.

    Over the shorter of the two, every 10 ms. A pedal is down from where dampers are off the
    strings (`DAMPER_DOWN`).
    """
    time_s = np.arange(0.0, min(played.duration_s, found.duration_s), PEDAL_STEP_S)
    ours, theirs = (
        depth_at(performance.pedal, SUSTAIN, time_s) >= DAMPER_DOWN
        for performance in (played, found)
    )
    return float(np.mean(ours == theirs))
