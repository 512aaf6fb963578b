"""Damaged pedalling: late, left out, or incomplete pedal changes.

A pedal counts as down from `PEDAL_DOWN_FROM`; below, dampers stop the strings gradually
(`degradation.render.release_octaves`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.edits import Edits
from degradation.notes import (
    DAMPED_TO,
    PEDAL_DOWN_FROM,
    SUSTAIN,
    PedalArray,
    Performance,
    snap,
    sort_pedal,
)
from degradation.operation import NoteOperation
from degradation.sampling import FloatArray

LONGEST_CHANGE_S = 1.0
"""A longer time without pedal is a passage of its own, not a pedal change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PedalChange:
    """A pedal change: the pedal comes up from one press and goes down for the next.

    `movements` are the indices in the pedal array from one press's deepest point to the next's;
    `held` is the shallower of the two depths, and `lowest` the lowest value between.
    """

    movements: NDArray[np.intp]
    held: int
    lowest: int


def find_lifts(pedal: PedalArray) -> list[PedalChange]:
    """Return the changes of the sustain pedal, in order of time."""
    place = np.flatnonzero(pedal["controller"] == SUSTAIN)
    value, time_s = pedal["value"][place], pedal["time_s"][place]
    first, past = _spans(value >= PEDAL_DOWN_FROM)
    deepest = [at + int(np.argmax(value[at:end])) for at, end in zip(first, past, strict=True)]
    found = []
    for press, (up, again) in enumerate(zip(past[:-1], first[1:], strict=True)):
        if time_s[again] - time_s[up] <= LONGEST_CHANGE_S:
            before, after = deepest[press], deepest[press + 1]
            lift = PedalChange(
                movements=place[before : after + 1],
                held=int(min(value[before], value[after])),
                lowest=int(value[up:again].min()),
            )
            found.append(lift)
    return found


def find_presses(pedal: PedalArray) -> list[NDArray[np.intp]]:
    """Return the movements of each press of the sustain pedal, as indices in the pedal array.

    They are those with the pedal down, and those before and after that hold the dampers off the
    strings. Presses between which the dampers don't come down part at the lowest point.
    """
    place = np.flatnonzero(pedal["controller"] == SUSTAIN)
    value = pedal["value"][place]
    down, up = _spans(value >= PEDAL_DOWN_FROM)
    rise, fall = _spans(value > DAMPED_TO)
    span = np.searchsorted(rise, down, side="right") - 1
    first, past = rise[span], fall[span]
    for press in np.flatnonzero(span[1:] == span[:-1]):
        lowest = up[press] + np.argmin(value[up[press] : down[press + 1]])
        past[press] = first[press + 1] = lowest + 1
    return [place[at:end] for at, end in zip(first, past, strict=True)]


def _spans(holds: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where each run of true values begins, and one past where it ends."""
    edge = np.diff(np.concatenate([[False], holds, [False]]).astype(np.int8))
    return np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)


def switches(pedal: PedalArray) -> NDArray[np.intp]:
    """Return the indices in the pedal array after time 0 where the sustain pedal goes on or off."""
    place = np.flatnonzero(pedal["controller"] == SUSTAIN)
    down = pedal["value"][place] >= PEDAL_DOWN_FROM
    switched = place[np.diff(down, prepend=False)]
    return switched[pedal["time_s"][switched] > 0]


def is_down(pedal: PedalArray, time_s: FloatArray) -> NDArray[np.bool_]:
    """Return whether the sustain pedal is down at each of some times."""
    sustain = pedal[pedal["controller"] == SUSTAIN]
    if not len(sustain):
        return np.zeros(len(time_s), dtype=np.bool_)
    last = np.searchsorted(sustain["time_s"], time_s, side="right") - 1
    return np.asarray((last >= 0) & (sustain["value"][np.maximum(last, 0)] >= PEDAL_DOWN_FROM))


def _spread_ranks(rng: np.random.Generator, count: int) -> FloatArray:
    """Return numbers spaced evenly over [0, 1) in random order: a share s of them lies below s."""
    return np.asarray((rng.permutation(count) + rng.random()) / max(count, 1))


def _stop_at(pedal: PedalArray, lifts: list[PedalChange], floors: FloatArray) -> Edits:
    """Return the edits that keep the pedal of each lift at or above its floor."""
    stopped = pedal.copy()
    for lift, floor in zip(lifts, np.rint(floors), strict=True):
        stopped["value"][lift.movements] = np.maximum(stopped["value"][lift.movements], floor)
    return Edits(pedal=stopped) if (stopped["value"] != pedal["value"]).any() else Edits()


class PedalLag(NoteOperation):
    """Every movement of the sustain pedal comes late by `lag_s`.

    Events at time 0 are not delayed; events delayed past the end of the window are clipped to it.
    No published threshold. One JND is taken as 0.022 s, where listeners tell the order of two
    events in 75 % (Sapp): here, of the dampers and the new chord.
    """

    STRENGTH = ("lag_s", 1000, "ms")
    operation: Literal["pedal_lag"] = "pedal_lag"
    lag_s: float = Field(ge=0, le=0.3)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether the sustain pedal goes on or off within the window."""
        return len(switches(performance.pedal)) > 0

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the pedal with its sustain movements later; nothing here is random."""
        late = performance.pedal.copy()
        moves = (late["controller"] == SUSTAIN) & (late["time_s"] > 0)
        late["time_s"][moves] = np.minimum(
            snap(late["time_s"][moves] + self.lag_s), performance.duration_s
        )
        return Edits(pedal=sort_pedal(late)) if self.lag_s and moves.any() else Edits()


class PedalChanges(NoteOperation):
    """An operation on pedal changes."""

    STRENGTH = ("share", 100, "%")

    def can_apply(self, performance: Performance) -> bool:
        """Return whether the window has pedal changes."""
        return len(find_lifts(performance.pedal)) > 0


class PedalMissed(PedalChanges):
    """A `share` of the pedal changes is left out: the pedal stays down, and harmonies blend.

    The share is exact up to a fraction of one change. Passages without pedal (longer than
    `LONGEST_CHANGE_S`) stay so: to press it there would be another interpretation, not an error.
    No published threshold. One JND is taken as a share of 0.1.
    """

    operation: Literal["pedal_missed"] = "pedal_missed"
    share: float = Field(ge=0, le=1)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the pedal held down through the changes that are left out."""
        lifts = find_lifts(performance.pedal)
        held = np.array([lift.held for lift in lifts])
        missed = _spread_ranks(rng, len(lifts)) < self.share
        return _stop_at(performance.pedal, lifts, np.where(missed, held, 0.0))


class PedalBlur(PedalChanges):
    """Pedal changes are incomplete: the pedal does not come up all the way.

    A fraction 2 x `share` of the changes is incomplete, by amounts spread evenly over (0, 1]. If a
    change is incomplete by more than half, the dampers stay up: up to a `share` of one half, that
    share of the changes no longer damps. The others damp more slowly the shorter they fall, so that
    more of the old harmony rings on. Passages without pedal as in `PedalMissed`.
    No published threshold. One JND is taken as a share of 0.1.
    """

    operation: Literal["pedal_blur"] = "pedal_blur"
    share: float = Field(ge=0, le=1)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the pedal with each change stopped where it falls short."""
        lifts = find_lifts(performance.pedal)
        ranks = _spread_ranks(rng, len(lifts))
        if not self.share:
            return Edits()
        shortfall = np.clip(1 - ranks / (2 * self.share), 0.0, 1.0)
        floors = [_floor(lift, short) for lift, short in zip(lifts, shortfall, strict=True)]
        return _stop_at(performance.pedal, lifts, np.array(floors))


def _floor(lift: PedalChange, shortfall: float) -> float:
    """Return the lowest value that the pedal reaches: `PEDAL_DOWN_FROM` at half of the way."""
    if shortfall > 0.5:
        return PEDAL_DOWN_FROM + (lift.held - PEDAL_DOWN_FROM) * (2 * shortfall - 1)
    return lift.lowest + (PEDAL_DOWN_FROM - 1 - lift.lowest) * 2 * shortfall


class PedalUnused(NoteOperation):
    """A `share` of the presses of the sustain pedal is left out: the foot stays up.

    The share is exact up to a fraction of one press; `find_presses` says what belongs to one.
    No published threshold. One JND is taken as a share of 0.1.
    """

    STRENGTH = ("share", 100, "%")
    MAY_DO_NOTHING = True
    operation: Literal["pedal_unused"] = "pedal_unused"
    share: float = Field(ge=0, le=1)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether the sustain pedal goes down."""
        return len(find_presses(performance.pedal)) > 0

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the pedal without the presses that are left out."""
        presses = find_presses(performance.pedal)
        unused = np.flatnonzero(_spread_ranks(rng, len(presses)) < self.share)
        if not len(unused):
            return Edits()
        pedal = performance.pedal.copy()
        pedal["value"][np.concatenate([presses[press] for press in unused])] = 0
        return Edits(pedal=pedal)
