"""Where music is hard to play, and a tempo that sags there and rushes where it is easy."""

from typing import Literal

import numpy as np
from pydantic import Field

from degradation.edits import Edits
from degradation.melody_bass import chord_onsets, first_of_chord
from degradation.notes import NoteArray, Performance
from degradation.operation import NoteOperation
from degradation.phrasing import FEWEST_CHORDS, local_means
from degradation.sampling import FloatArray
from degradation.timing import stretch_time, warp_time

OCTAVE = 12
AROUND_S = 1.0
"""Standard deviation of the Gaussian over which difficulty counts for the tempo."""


def chord_difficulty(notes: NoteArray) -> FloatArray:
    """Return how hard each chord is to reach, of shape (chords,), at least 1; `notes` not empty.

    One, and the leaps of its top and bottom note in octaves, half of its further notes, and by how
    much it comes sooner than chords mostly do. Sight readers stop and slow down where hands move
    and textures thicken (Lehmann & McArthur 2002, "Sight-reading").
    """
    onset_s = notes["onset_s"]
    first = first_of_chord(onset_s)
    pitch = notes["pitch"].astype(np.int64)
    leap = np.zeros(len(first))
    for outer in (np.maximum.reduceat(pitch, first), np.minimum.reduceat(pitch, first)):
        leap += np.abs(np.diff(outer, prepend=outer[0])) / OCTAVE
    size = np.diff(first, append=len(notes))
    interval_s = np.diff(onset_s[first])
    sooner = np.ones(len(first))
    if len(interval_s):
        sooner[1:] = np.clip(np.median(interval_s) / interval_s, 0, 2)
    return np.asarray(1 + leap + (size - 1) / 2 + np.maximum(sooner - 1, 0))


class DifficultySag(NoteOperation):
    """The tempo sags by `share` where the music is hard, and rushes as much where it is easy.

    `share` is the standard deviation of the tempo, in parts of it, as in `TempoDrift`, but its
    course follows `chord_difficulty`. Note lengths and pedal move along; the window keeps its
    length. One JND is a share of 0.03 (Drake & Botte 1993).
    """

    STRENGTH = ("share", 100, "%")
    operation: Literal["difficulty_sag"] = "difficulty_sag"
    share: float = Field(ge=0, le=0.6)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether there are chords enough, and some harder than others."""
        return self._course(performance.notes) is not None

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note, and the pedal moved with them; nothing is random."""
        course = self._course(performance.notes)
        if course is None or not self.share:
            return Edits()
        at_s, harder = course
        slower = stretch_time(
            lambda time_s: self.share * np.interp(time_s, at_s, harder), performance.duration_s
        )
        return warp_time(performance, slower)

    def _course(self, notes: NoteArray) -> tuple[FloatArray, FloatArray] | None:
        """Return the chords' onsets, and difficulty there of mean 0 and standard deviation 1."""
        at_s = chord_onsets(notes["onset_s"])
        if len(at_s) < FEWEST_CHORDS:
            return None
        around = local_means(at_s, np.ones(len(at_s)), at_s, AROUND_S)
        harder = around(chord_difficulty(notes))
        spread = float(harder.std())
        return (at_s, (harder - harder.mean()) / spread) if spread > 1e-3 else None
