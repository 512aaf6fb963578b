"""What a tokeniser is: notes to rows of integers and times, and as far as possible back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.notes import NoteArray, Performance

TokenArray = NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokeniser:
    """One row a note, in the performance's order; no note is ever dropped.

    `dtype` is the record of a note. `decode` returns the notes as far as the tokens remember
    them, in the same order (`note_id` counts from 0). `vocabulary` is the number of
    classes of each field that masked pretraining guesses, and `classes` a row's class of each
    (int64, (notes, fields), in that order). `version` is part of the name of what is
    stored: tokens of another version are other tokens.
    """

    name: str
    version: str
    dtype: np.dtype[np.void]
    vocabulary: Mapping[str, int]
    encode: Callable[[Performance], TokenArray]
    decode: Callable[[TokenArray], NoteArray]
    classes: Callable[[TokenArray], NDArray[np.int64]]
