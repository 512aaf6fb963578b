"""A foot that is late, forgets to lift, or lifts half-way.

What the renderer hears of CC64 is a switch at `DOWN_FROM`; a real damper is gradual around it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.chance import FloatArray
from degradation.edits import Edits
from degradation.notes import SUSTAIN, PedalArray, Performance, snap, sort_pedal
from degradation.operation import NoteParameters

DOWN_FROM = 64
"""CC64 from which the dampers are off the strings (MIDI 1.0: 0-63 off, 64-127 on)."""

LONGEST_CHANGE_S = 1.0
"""A foot that stays up for longer is done with pedalling, and has nothing to press again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """A pedal change: the foot comes up from one press and goes down for the next.

    `movements` are the places in the pedal array from one press's deepest point to the next's;
    `held` is the shallower of the two, and `lowest` how far the foot comes up between.
    """

    movements: NDArray[np.intp]
    held: int
    lowest: int


def find_lifts(pedal: PedalArray) -> list[Lift]:
    """Return the changes of the sustain pedal, in order of time."""
    place = np.flatnonzero(pedal["controller"] == SUSTAIN)
    value, time_s = pedal["value"][place], pedal["time_s"][place]
    down = value >= DOWN_FROM
    edge = np.diff(np.concatenate([[False], down, [False]]).astype(np.int8))
    first, past = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    deepest = [at + int(np.argmax(value[at:end])) for at, end in zip(first, past, strict=True)]
    found = []
    for press, (up, again) in enumerate(zip(past[:-1], first[1:], strict=True)):
        if time_s[again] - time_s[up] <= LONGEST_CHANGE_S:
            before, after = deepest[press], deepest[press + 1]
            lift = Lift(
                movements=place[before : after + 1],
                held=int(min(value[before], value[after])),
                lowest=int(value[up:again].min()),
            )
            found.append(lift)
    return found


def switches(pedal: PedalArray) -> NDArray[np.intp]:
    """Return the places in the pedal array after time 0 where the sustain pedal goes on or off."""
    place = np.flatnonzero(pedal["controller"] == SUSTAIN)
    down = pedal["value"][place] >= DOWN_FROM
    switched = place[np.diff(down, prepend=False)]
    return switched[pedal["time_s"][switched] > 0]


def is_down(pedal: PedalArray, time_s: FloatArray) -> NDArray[np.bool_]:
    """Return whether the sustain pedal holds the dampers up at each of some times."""
    sustain = pedal[pedal["controller"] == SUSTAIN]
    if not len(sustain):
        return np.zeros(len(time_s), dtype=np.bool_)
    last = np.searchsorted(sustain["time_s"], time_s, side="right") - 1
    return np.asarray((last >= 0) & (sustain["value"][np.maximum(last, 0)] >= DOWN_FROM))


def _spread_ranks(rng: np.random.Generator, count: int) -> FloatArray:
    """Return numbers spread evenly over [0, 1) in random order: a share of them lies below it."""
    return np.asarray((rng.permutation(count) + rng.random()) / max(count, 1))


def _stop_at(pedal: PedalArray, lifts: list[Lift], floors: FloatArray) -> Edits:
    """Return the edits that keep each lift from coming up beyond its floor."""
    stopped = pedal.copy()
    for lift, floor in zip(lifts, np.rint(floors), strict=True):
        stopped["value"][lift.movements] = np.maximum(stopped["value"][lift.movements], floor)
    return Edits(pedal=stopped) if (stopped["value"] != pedal["value"]).any() else Edits()


class PedalLag(NoteParameters):
    """Every movement of the sustain pedal comes late by `lag_s`.

    A position carried in at time 0 stays; what would fall behind the window's end is done there.
    No published threshold. One JND is taken as 0.022 s, where the order of two events is told
    with 75 % (Sapp): here, of the dampers and the new chord.
    """

    operation: Literal["pedal_lag"] = "pedal_lag"
    lag_s: float = Field(ge=0, le=0.3)

    @property
    def strength(self) -> tuple[float, str]:
        """How late the foot is."""
        return self.lag_s * 1000, "ms"

    def can_strike(self, performance: Performance) -> bool:
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


class PedalChanges(NoteParameters):
    """What strikes pedal changes, and so only a window that has some."""

    def can_strike(self, performance: Performance) -> bool:
        """Return whether the window has pedal changes."""
        return len(find_lifts(performance.pedal)) > 0


class PedalMissed(PedalChanges):
    """A `share` of the pedal changes is left out: the foot stays down, and harmonies run together.

    Exactly that share, but for a fraction of one. Foot-free passages (longer than
    `LONGEST_CHANGE_S`) stay free, and a window without changes stays as it is: where a player
    used no pedal, pressing it would be another reading and no fault.
    No published threshold. One JND is taken as a share of 0.1.
    """

    operation: Literal["pedal_missed"] = "pedal_missed"
    share: float = Field(ge=0, le=1)

    @property
    def strength(self) -> tuple[float, str]:
        """Share of the pedal changes that are left out."""
        return self.share * 100, "%"

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the pedal held through the changes that are left out."""
        lifts = find_lifts(performance.pedal)
        held = np.array([lift.held for lift in lifts])
        missed = _spread_ranks(rng, len(lifts)) < self.share
        return _stop_at(performance.pedal, lifts, np.where(missed, held, 0.0))


class PedalBlur(PedalChanges):
    """Pedal changes are incomplete: the foot does not come up all the way.

    Twice `share` of them fall short, evenly from all of their way down to none of it; half-way
    is where the dampers stay off the strings, so that for a `share` up to a half that share of
    the changes is no longer heard. The rest are heard as before by a renderer that switches, and
    not by a real damper. Passages without pedal as in `PedalMissed`.
    No published threshold. One JND is taken as a share of 0.1.
    """

    operation: Literal["pedal_blur"] = "pedal_blur"
    share: float = Field(ge=0, le=1)

    @property
    def strength(self) -> tuple[float, str]:
        """Share of the pedal changes that no longer damp."""
        return self.share * 100, "%"

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the pedal with each change stopped where it falls short."""
        lifts = find_lifts(performance.pedal)
        ranks = _spread_ranks(rng, len(lifts))
        if not self.share:
            return Edits()
        shortfall = np.clip(1 - ranks / (2 * self.share), 0.0, 1.0)
        floors = [_floor(lift, short) for lift, short in zip(lifts, shortfall, strict=True)]
        return _stop_at(performance.pedal, lifts, np.array(floors))


def _floor(lift: Lift, shortfall: float) -> float:
    """Return how far the foot comes up: at half of the way, just short of being heard."""
    if shortfall > 0.5:
        return DOWN_FROM + (lift.held - DOWN_FROM) * (2 * shortfall - 1)
    return lift.lowest + (DOWN_FROM - 1 - lift.lowest) * 2 * shortfall
