"""Uneven articulation: keys released too early and too late."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.edits import Edits, alter
from degradation.melody_bass import chord_of, chord_onsets
from degradation.notes import PEDAL_DOWN_FROM, NoteArray, Performance, next_strike
from degradation.operation import NoteOperation
from degradation.pedal import is_down, switches
from degradation.sampling import FloatArray, mirror_between, unit_noise

SHORTEST_PRESS_S = 0.03
"""No key is released sooner after its onset, unless the player did so."""

AUDIBLE_SHARE = 0.1
"""With fewer audible releases, because the pedal holds the others, articulation stays as it is."""


def longest_press_s(notes: NoteArray, duration_s: float) -> FloatArray:
    """Return how long each key could be held: until its next strike, or the window's end."""
    until_s = np.minimum(next_strike(notes["pitch"], notes["onset_s"]), duration_s)
    return np.asarray(until_s - notes["onset_s"])


def find_audible_releases(performance: Performance) -> NDArray[np.bool_]:
    """Return for which notes another release, after half to twice the length, is audible.

    Under the pedal it is not, unless the pedal is lifted within that time: a key held through the
    lift sounds on.
    """
    notes, pedal = performance.notes, performance.pedal
    held_s = notes["offset_s"] - notes["onset_s"]
    soonest_s, latest_s = notes["offset_s"] - held_s / 2, notes["offset_s"] + held_s
    moves = switches(pedal)
    lift_s = pedal["time_s"][moves[pedal["value"][moves] < PEDAL_DOWN_FROM]]
    lifted = np.searchsorted(lift_s, latest_s) > np.searchsorted(lift_s, soonest_s)
    return np.asarray(lifted | ~is_down(pedal, soonest_s))


class UnevenArticulation(NoteOperation):
    """Keys are held too long or too short by `spread_octaves`, root mean square: log-normal.

    Each note on its own: joined ones come apart or overlap, and the keys of a chord are not
    released together. Onsets and pedal stay. A note that would run into its key's next strike or
    the window's end is shortened instead, and one that would be too short lengthened. Notes
    released under the pedal change too, though inaudibly: the change is in the MIDI.

    No published threshold. One JND is taken as 0.15 octaves (11 % of the length): about what is
    noticed of the length of a single tone.
    """

    STRENGTH = ("spread_octaves", 1, "octaves")
    operation: Literal["uneven_articulation"] = "uneven_articulation"
    spread_octaves: float = Field(ge=0, le=2)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether at least a tenth of the releases are audible."""
        audible = find_audible_releases(performance)
        return bool(len(audible)) and float(np.mean(audible)) >= AUDIBLE_SHARE

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a moved release for every note."""
        notes = performance.notes
        held_s = notes["offset_s"] - notes["onset_s"]
        shortest_s = np.minimum(held_s, SHORTEST_PRESS_S)
        octaves = mirror_between(
            np.zeros(len(notes)),
            self.spread_octaves * unit_noise(rng, len(notes)),
            np.log2(shortest_s / held_s),
            np.log2(np.maximum(longest_press_s(notes, performance.duration_s) / held_s, 1.0)),
        )
        return Edits(notes=alter(notes["note_id"], offset_shift_s=held_s * (np.exp2(octaves) - 1)))


class Detached(NoteOperation):
    """Notes that reach the next one are let go early: `share` of their length is taken away.

    No key is held for less than `SHORTEST_PRESS_S`. No published threshold. One JND is taken as a
    share of 0.1, about what is noticed of the length of a single tone.
    """

    STRENGTH = ("share", 100, "%")
    operation: Literal["detached"] = "detached"
    share: float = Field(ge=0, le=0.9)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether a tenth of the notes are legato and their releases audible."""
        legato = find_legato(performance.notes) & find_audible_releases(performance)
        return bool(len(legato)) and float(np.mean(legato)) >= AUDIBLE_SHARE

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return an earlier release for every legato note; nothing here is random."""
        notes = performance.notes
        held_s = notes["offset_s"] - notes["onset_s"]
        kept_s = np.minimum(held_s, np.maximum((1 - self.share) * held_s, SHORTEST_PRESS_S))
        earlier_s = np.where(find_legato(notes), kept_s - held_s, 0.0)
        return Edits(notes=alter(notes["note_id"], offset_shift_s=earlier_s))


def find_legato(notes: NoteArray) -> NDArray[np.bool_]:
    """Return which notes are held until the next chord is struck."""
    onset_s = chord_onsets(notes["onset_s"])
    following = np.append(onset_s, np.inf)[chord_of(notes["onset_s"]) + 1]
    return np.asarray(notes["offset_s"] >= following)
