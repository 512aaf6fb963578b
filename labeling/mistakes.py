"""Which notes were played wrongly, in the three classes of MAESTRO-E.

Chou et al., "Detecting Music Performance Errors with Transformers" (AAAI 2025). Time, length and
loudness are no mistakes there; a wrong pitch is a missed note and an extra one.
"""

from dataclasses import dataclass

import numpy as np

from degradation.notes import NoteArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mistakes:
    """Notes played that the music does not have, notes of the music not played, and all others.

    `extra` and `correct` are the degraded notes, as they were played; `missed` are clean notes.
    """

    extra: NoteArray
    missed: NoteArray
    correct: NoteArray


def find_mistakes(clean: NoteArray, degraded: NoteArray) -> Mistakes:
    """Match notes by id: nothing is guessed from pitches and times."""
    identity = ["note_id", "pitch"]
    right = np.isin(degraded[identity], clean[identity])
    played = np.isin(clean[identity], degraded[identity])
    return Mistakes(extra=degraded[~right], missed=clean[~played], correct=degraded[right])
