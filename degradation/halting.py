"""Playing that takes longer: a slow pace, halts before hard places, going back, corrections.

What is thereby pushed past the window's end is cut off.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from pydantic import Field

from degradation.difficulty import chord_difficulty
from degradation.edits import EDIT_DTYPE, Change, Edits, add_notes, alter
from degradation.melody_bass import chord_of, chord_onsets, find_melody
from degradation.notes import NOTE_DTYPE, NoteArray, Performance, latest_onset, snap
from degradation.operation import NoteOperation
from degradation.sampling import FloatArray, choose_share
from degradation.timing import BetweenChords, TimeMap
from degradation.wrong_notes import WRONG_REACH, brushed_note, wrong_key

MOST_INSERTED = 0.5
"""Share of the window that pauses may take; more would leave too little music."""

LENGTH_SPREAD = 0.4
"""Standard deviation of the logarithm of a pause's length."""

CORRECTED_AFTER_S = (0.15, 0.45)
"""How long after a wrong note the right one is struck."""

RETURN_S = (0.2, 0.7)
"""How long a player waits before playing a passage again."""


NOTHING_STRUCK: NoteArray = np.zeros(0, dtype=NOTE_DTYPE)


@dataclass(frozen=True, slots=True)
class Insertion:
    """Time that passes before the music goes on at `at_s`; in it, `again` are struck.

    The onsets of `again` count from the insertion's start.
    """

    at_s: float
    lasts_s: float
    again: NoteArray = field(default_factory=NOTHING_STRUCK.copy)


def insert_time(performance: Performance, insertions: Sequence[Insertion]) -> Edits:
    """Return the edits that insert time, in order, and strike the notes in it.

    Notes and pedal movements from an insertion on come later, and keys that are down stay down.
    Notes that would begin after the window's end are `CUT`; pedal movements stop at it. Insertions
    that would take more than half of the window are left out, the last ones first.
    """
    inserted, total_s = [], 0.0
    for one in sorted(insertions, key=lambda one: one.at_s):
        if total_s + one.lasts_s <= MOST_INSERTED * performance.duration_s and one.lasts_s:
            inserted.append(one)
            total_s += one.lasts_s
    if not inserted:
        return Edits()
    at_s = np.array([one.at_s for one in inserted])
    passed_s = np.concatenate([[0.0], np.cumsum([one.lasts_s for one in inserted])])

    def delay_s(time_s: FloatArray) -> FloatArray:
        return np.asarray(passed_s[np.searchsorted(at_s, time_s, side="right")])

    struck = np.concatenate([one.again for one in inserted])
    begun_s = np.repeat(at_s + passed_s[:-1], [len(one.again) for one in inserted])
    for time in ("onset_s", "offset_s"):
        struck[time] = snap(struck[time] + begun_s)
    return delay(performance, delay_s, struck)


def delay(performance: Performance, delay_s: TimeMap, struck: NoteArray = NOTHING_STRUCK) -> Edits:
    """Return the edits by which all that happens at t seconds comes `delay_s`(t) later.

    `struck` are notes that are added at their final times.
    """
    notes, latest_s = performance.notes, latest_onset(performance.duration_s)
    later_s = delay_s(notes["onset_s"])
    cut = notes["onset_s"] + later_s > latest_s
    released_s = delay_s(np.maximum(notes["offset_s"] - 1e-9, notes["onset_s"]))
    moved = alter(
        notes["note_id"][~cut], onset_shift_s=later_s[~cut], offset_shift_s=released_s[~cut]
    )
    gone = np.zeros(int(cut.sum()), dtype=EDIT_DTYPE)
    gone["note_id"], gone["change"] = notes["note_id"][cut], Change.CUT
    struck = struck[struck["onset_s"] <= latest_s]
    struck["note_id"] = int(notes["note_id"].max()) + 1 + np.arange(len(struck))
    pedal = None
    if len(performance.pedal):
        pedal = performance.pedal.copy()
        moved_s = pedal["time_s"] + np.where(pedal["time_s"] > 0, delay_s(pedal["time_s"]), 0.0)
        pedal["time_s"] = np.minimum(snap(moved_s), performance.duration_s)
    return Edits(notes=np.concatenate([moved, gone, add_notes(struck)]), pedal=pedal)


class SlowPace(NoteOperation):
    """All takes 1 + `share` times as long: learners play below a piece's tempo.

    One JND is taken as a share of 0.08: remembered tempi are mostly reproduced within 8 %
    (Levitin & Cook 1996), and no other tempo is there to compare with.
    """

    STRENGTH = ("share", 100, "%")
    operation: Literal["slow_pace"] = "slow_pace"
    share: float = Field(ge=0, le=2)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note, and the pedal moved with them; nothing is random."""
        if not len(performance.notes) or not self.share:
            return Edits()
        return delay(performance, lambda time_s: self.share * time_s)


class Halting(BetweenChords):
    """Before a `share` of the chords the player stops for about `stop_s`, then goes on.

    Hard places are chosen more often (`chord_difficulty`); there is at least one stop, and never
    before the first chord. Lengths are log-normal. One JND is taken as 0.03 s, 6 % of an interval
    of half a second (Drake & Botte 1993); beginners stop for seconds.
    """

    STRENGTH = ("stop_s", 1000, "ms")
    operation: Literal["halting"] = "halting"
    share: float = Field(gt=0, le=0.5)
    stop_s: float = Field(ge=0, le=4)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note after a stop, and the pedal moved with them."""
        chord_s = chord_onsets(performance.notes["onset_s"])
        if len(chord_s) < 2 or not self.stop_s:
            return Edits()
        hard = chord_difficulty(performance.notes)[1:]
        chosen = choose_share(rng, hard, max(self.share, 1 / len(hard)))
        lengths_s = self.stop_s * np.exp(LENGTH_SPREAD * rng.normal(size=len(hard)))
        longest_s = MOST_INSERTED * performance.duration_s / len(chosen)
        return insert_time(
            performance,
            [
                Insertion(float(chord_s[1:][k]), snap(float(min(lengths_s[k], longest_s))))
                for k in chosen
            ],
        )


class GoingBack(BetweenChords):
    """At a `share` of the chords the player waits, goes back, and plays the last chords again.

    Up to `reach_chords` of them, and hard places more often. No published threshold: a passage
    that is heard twice is noticed.
    """

    STRENGTH = ("share", 100, "%")
    MAY_DO_NOTHING = True
    operation: Literal["going_back"] = "going_back"
    share: float = Field(ge=0, le=0.3)
    reach_chords: int = Field(ge=1, le=16)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the notes played again, a shift for those after, and the pedal moved along."""
        notes = performance.notes
        chord_s = chord_onsets(notes["onset_s"])
        if len(chord_s) < 2:
            return Edits()
        of, hard = chord_of(notes["onset_s"]), chord_difficulty(notes)[1:]
        chosen = choose_share(rng, hard, self.share)
        reach = rng.integers(1, self.reach_chords + 1, size=len(hard))
        waits_s = rng.uniform(*RETURN_S, size=len(hard))
        insertions = []
        for k in chosen:
            at_s, wait_s, first = chord_s[k + 1], waits_s[k], max(int(k) + 1 - int(reach[k]), 0)
            passage = notes[(of >= first) & (of <= k)].copy()
            for time in ("onset_s", "offset_s"):
                passage[time] = np.minimum(passage[time], at_s + wait_s) - chord_s[first] + wait_s
            lasts_s = snap(float(wait_s + at_s - chord_s[first]))
            insertions.append(Insertion(float(at_s), lasts_s, passage))
        return insert_time(performance, insertions)


class CorrectedNotes(NoteOperation):
    """Of a `share` of the notes a neighbouring key is struck first, then the right one, later.

    The melody's notes are chosen more often than others: what a player hears wrong, the player
    mends. The wrong keys are those of `Slips`. One JND is taken as a share of 0.01: half of that
    of slips, for a mended note is two events.
    """

    STRENGTH = ("share", 100, "%")
    MAY_DO_NOTHING = True
    operation: Literal["corrected_notes"] = "corrected_notes"
    share: float = Field(ge=0, le=0.3)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the wrong notes, a shift for those after, and the pedal moved with them."""
        notes = performance.notes
        if not len(notes):
            return Edits()
        chord_s, of = chord_onsets(notes["onset_s"]), chord_of(notes["onset_s"])
        chosen = choose_share(rng, np.where(find_melody(notes), 2.0, 1.0), self.share)
        aim, gap, length, loudness = rng.random((4, len(notes)))
        insertions: dict[float, Insertion] = {}
        for at in chosen:
            played = brushed_note(
                notes[at], 0, 0.5, length[at], loudness[at], performance.duration_s
            )
            key = wrong_key(notes, notes, notes[at], played, WRONG_REACH, aim[at])
            if key is None:
                continue
            gap_s = snap(float(np.interp(gap[at], (0, 1), CORRECTED_AFTER_S)))
            played["pitch"], played["velocity"] = key, notes[at]["velocity"]
            played["onset_s"], played["offset_s"] = 0.0, gap_s
            at_s = float(chord_s[of[at]])
            insertions.setdefault(at_s, Insertion(at_s, gap_s, played))
        return insert_time(performance, list(insertions.values()))
