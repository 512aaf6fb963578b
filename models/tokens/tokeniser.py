"""The type of a tokeniser: notes to rows of integers and times, and back as far as possible."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.notes import NoteArray, Performance

TokenArray = NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokeniser:
    """One row per note, in the performance's order; no note is dropped.

    `dtype` is the record of a note. `decode` returns the notes as precisely as tokens hold them,
    in the same order (`note_id` counts from 0). `vocabulary` is the number of classes of each
    field that masked pretraining predicts, and `classes` gives a row's class in each (int64,
    (notes, fields)). `version` is part of the names of stored files.
    """

    name: str
    version: str
    dtype: np.dtype[np.void]
    vocabulary: Mapping[str, int]
    encode: Callable[[Performance], TokenArray]
    decode: Callable[[TokenArray], NoteArray]
    classes: Callable[[TokenArray], NDArray[np.int64]]
