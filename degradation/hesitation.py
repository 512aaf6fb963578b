"""Stumbling pauses."""

from typing import Literal

import numpy as np
from pydantic import Field

from degradation.chance import choose
from degradation.edits import Edits
from degradation.melody_bass import chord_onsets
from degradation.notes import Performance
from degradation.operation import NoteParameters
from degradation.warp import FloatArray, bend


def lengthened(
    chord_s: FloatArray, pause_share: FloatArray, duration_s: float
) -> tuple[FloatArray, FloatArray]:
    """Return where points of the window lie, and where they go when intervals grow.

    `chord_s` are the chords' onsets, of shape (chords,); the interval after the k-th grows by
    `pause_share[k]` of itself, of shape (chords - 1,). All is then played faster by as much as
    the pauses took, so that the window loses no note at its end.
    """
    delay_s = np.concatenate([[0.0], np.cumsum(pause_share * np.diff(chord_s))])
    points_s = np.concatenate([[0.0], chord_s, [duration_s]])
    moved_s = points_s + np.concatenate([[0.0], delay_s, delay_s[-1:]])
    return points_s, moved_s * (duration_s / moved_s[-1])


class Hesitation(NoteParameters):
    """Before a `share` of the chords the player falters: the interval grows by `pause_share`.

    Later music comes later, and the whole window a little faster to make up for it: there is no
    other tempo to compare it with, and each pause stays `pause_share` of the interval that it
    lengthens. The first chord has none to lengthen; keys and pedal stay down through a pause.
    One JND is a pause share of 0.06: a tempo that is 6 % off for one interval (Drake & Botte
    1993). Harder to hear where players usually lengthen (Repp 1998).
    """

    operation: Literal["hesitation"] = "hesitation"
    share: float = Field(gt=0, le=1)
    pause_share: float = Field(ge=0, le=2)

    @property
    def strength(self) -> tuple[float, str]:
        """Length of a pause, as a share of the interval that it lengthens."""
        return self.pause_share * 100, "%"

    def can_strike(self, performance: Performance) -> bool:
        """Return whether there are two chords, and so an interval that can grow."""
        return len(chord_onsets(performance.notes["onset_s"])) > 1

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note, and the pedal moved with them."""
        chord_s = chord_onsets(performance.notes["onset_s"])
        if len(chord_s) < 2:
            return Edits()
        pause_share = np.zeros(len(chord_s) - 1)
        # At least one: a window that is said to falter does.
        share = max(self.share, 1 / len(pause_share))
        pause_share[choose(rng, np.ones(len(pause_share)), share)] = self.pause_share
        points_s, moved_s = lengthened(chord_s, pause_share, performance.duration_s)
        return bend(performance, lambda time_s: np.interp(time_s, points_s, moved_s))
