"""What is to be guessed of a window: which notes, and how each is shown.

Masks are drawn where notes are still a performance, as hiding a token is not enough: the
string of a visible note under the pedal rings until its key is struck again, and would tell
of the hidden stroke. So visible notes are tokenised as if hidden ones had not been played.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from degradation.notes import Performance
from models.tokens.tokeniser import TokenArray, Tokeniser

Chosen = NDArray[np.bool_]

TIME_FIELDS = ("onset_s", "measure", "position")
"""Fields of tokens that say when a note begins. A replaced note keeps its own, or onsets would
no longer rise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """Of the notes to guess, the share hidden and the share replaced; the rest stays as it is."""

    hidden: float
    replaced: float


LEARNING = Showing(hidden=0.8, replaced=0.1)
"""BERT's (Devlin et al. 2019), and MidiBERT's."""

JUDGING = Showing(hidden=1.0, replaced=0.0)
"""A note that is shown could be copied, and beat any baseline without having learnt music."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Masking:
    """The notes to guess, and those of them that are hidden or replaced; each bool (notes,)."""

    guessed: Chosen
    hidden: Chosen
    replaced: Chosen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskedWindow:
    """A window as the model is shown it, and the true classes (guessed notes, fields)."""

    shown: TokenArray
    masking: Masking
    classes: NDArray[np.int64]


def draw_masking(
    notes: int, mask_share: float, showing: Showing, rng: np.random.Generator
) -> Masking:
    """Choose `mask_share` of the notes, at least one where there is one, and how each is shown."""
    count = max(1, round(mask_share * notes)) if notes else 0
    guessed = np.zeros(notes, bool)
    guessed[rng.permutation(notes)[:count]] = True
    lot = rng.random(notes)
    return Masking(
        guessed=guessed,
        hidden=guessed & (lot < showing.hidden),
        replaced=guessed & (showing.hidden <= lot) & (lot < showing.hidden + showing.replaced),
    )


def mask_window(
    window: Performance,
    tokeniser: Tokeniser,
    mask_share: float,
    showing: Showing,
    rng: np.random.Generator,
) -> MaskedWindow:
    """Return a window with some of its notes to be guessed, all fields of a note at once.

    A hidden note's token is all zeros. A replaced one is that of another note of the window,
    but begins when it did: its onset is shown, all else is wrong.
    """
    tokens = tokeniser.encode(window)
    masking = draw_masking(len(tokens), mask_share, showing, rng)
    true = ~(masking.hidden | masking.replaced)
    shown = np.zeros_like(tokens)
    shown[true] = tokeniser.encode(replace(window, notes=window.notes[true]))
    places = np.flatnonzero(masking.replaced)
    step = rng.integers(1, max(2, len(tokens)), size=len(places))
    donors = tokens[(places + step) % len(tokens)] if len(places) else tokens[:0]
    for field in tokens.dtype.names or ():
        source = tokens[places] if field in TIME_FIELDS else donors
        shown[field][places] = source[field]
    return MaskedWindow(
        shown=shown, masking=masking, classes=tokeniser.classes(tokens)[masking.guessed]
    )
