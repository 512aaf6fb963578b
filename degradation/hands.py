"""Two hands that do not play as one: one lags, or one is heavier."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.edits import Edits, alter
from degradation.notes import LOUDEST, NoteArray, Performance
from degradation.operation import NoteOperation

FEWEST_NOTES = 3
"""A hand of fewer notes in a window is none."""


def find_left_hand(notes: NoteArray) -> NDArray[np.bool_]:
    """Return which notes the left hand plays, as far as their pitches say; all False for one hand.

    Those below the pitch that divides the window's notes into the two tightest groups (Otsu 1979).
    """
    pitch = notes["pitch"].astype(np.float64)
    found = np.zeros(len(notes), dtype=np.bool_)
    tightest = np.inf
    for split in np.unique(pitch)[1:]:
        low = pitch < split
        if min(low.sum(), (~low).sum()) >= FEWEST_NOTES:
            spread = pitch[low].var() * low.sum() + pitch[~low].var() * (~low).sum()
            if spread < tightest:
                tightest, found = spread, low
    return found


def hand_balance(notes: NoteArray) -> float:
    """Return by how much the right hand is louder than the left; NaN for one hand."""
    left, velocity = find_left_hand(notes), notes["velocity"].astype(np.float64)
    return float(velocity[~left].mean() - velocity[left].mean()) if left.any() else float("nan")


class OneHand(NoteOperation):
    """An operation on one hand of two."""

    def can_apply(self, performance: Performance) -> bool:
        """Return whether there are two hands."""
        return bool(find_left_hand(performance.notes).any())


class HandLag(OneHand):
    """One hand, drawn for the window, comes late by `lag_s`; its notes keep their lengths.

    One JND is taken as 0.022 s, where listeners tell the order of two events in 75 % (Sapp).
    """

    STRENGTH = ("lag_s", 1000, "ms")
    operation: Literal["hand_lag"] = "hand_lag"
    lag_s: float = Field(ge=0, le=0.3)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note of the hand; the pedal stays."""
        notes, left = performance.notes, find_left_hand(performance.notes)
        if not left.any():
            return Edits()
        late = self.lag_s * (left if rng.random() < 0.5 else ~left)
        return Edits(notes=alter(notes["note_id"], onset_shift_s=late, offset_shift_s=late))


class HeavyHand(OneHand):
    """The left hand is louder by `louder_velocity`, as accompaniments of beginners are.

    One JND is 3.6: listeners notice 2.7-4.5 units (Slade et al. 2022), and this lies midway.
    """

    STRENGTH = ("louder_velocity", 1, "MIDI velocity")
    operation: Literal["heavy_hand"] = "heavy_hand"
    louder_velocity: float = Field(ge=0, le=60)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a velocity change for every note of the left hand; nothing here is random."""
        return louder(performance, self.louder_velocity * find_left_hand(performance.notes))


class HeavyTouch(NoteOperation):
    """Every note is louder by `louder_velocity`, as far as velocities reach: playing that bangs.

    One JND is 3.6, as in `HeavyHand`.
    """

    STRENGTH = ("louder_velocity", 1, "MIDI velocity")
    operation: Literal["heavy_touch"] = "heavy_touch"
    louder_velocity: float = Field(ge=0, le=60)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether a note can be louder."""
        return bool((performance.notes["velocity"] < LOUDEST).any())

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a velocity change for every note; nothing here is random."""
        return louder(performance, np.full(len(performance.notes), self.louder_velocity))


def louder(performance: Performance, by: NDArray[np.number]) -> Edits:
    """Return the edits that raise velocities by up to `by`, whole and at most the loudest."""
    velocity = performance.notes["velocity"].astype(np.float64)
    change = np.minimum(velocity + np.rint(by), LOUDEST) - velocity
    return Edits(notes=alter(performance.notes["note_id"], velocity_shift=change))
