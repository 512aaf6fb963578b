"""Shared by the functions on notes: chords as one event, and residuals about a local mean."""

import numpy as np
from numpy.typing import NDArray

from degradation import melody_bass
from degradation.notes import NoteArray


def first_of_chord(notes: NoteArray) -> NDArray[np.intp]:
    """Return the index of the first note of each chord; `notes` is sorted by onset, not empty."""
    return melody_bass.first_of_chord(notes["onset_s"], melody_bass.EVENT_GAP_S)


def local_residuals(
    level: NDArray[np.float64],
    onset_s: NDArray[np.float64],
    pitch: NDArray[np.float64],
    *,
    reach_s: float,
    reach_semitones: float,
) -> NDArray[np.float64]:
    """Return each note's level minus the mean of its neighbours in time and pitch.

    Neighbours are weighted by a Gaussian of standard deviation `reach_s` and `reach_semitones`,
    the overall mean by 0.001, so that it is used where a note has none. All arrays: (n,).
    """
    nearness = np.exp(
        -0.5
        * (
            (np.subtract.outer(onset_s, onset_s) / reach_s) ** 2
            + (np.subtract.outer(pitch, pitch) / reach_semitones) ** 2
        )
    )
    np.fill_diagonal(nearness, 0.0)
    distant = 1e-3
    expected = (nearness @ level + distant * level.mean()) / (nearness.sum(axis=1) + distant)
    residuals: NDArray[np.float64] = level - expected
    return residuals
