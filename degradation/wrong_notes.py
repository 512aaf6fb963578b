"""Wrong, missed and extra notes."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.edits import EDIT_DTYPE, Change, Edits, add_notes, alter, no_edits
from degradation.melody_bass import chord_of, find_bass, find_melody, first_of_chord
from degradation.notes import PIANO_PITCHES, NoteArray, Performance, latest_onset, snap
from degradation.operation import NoteOperation
from degradation.sampling import FloatArray, choose_share

INNER, BASS, MELODY = 1.0, 0.4, 0.15
"""Weights by which slips choose notes: "nearly all errors occurred in nonmelody voices" (Repp)."""

MISSED_UP_TO, EXTRA_UP_TO = 0.4, 0.8
"""Of ten slips four are missed, four are extra and two are wrong notes; the mix is ours."""

KEY_PLACE = np.array([0, 0.5, 1, 1.5, 2, 3, 3.5, 4, 4.5, 5, 5.5, 6])
"""Position of an octave's keys in widths of a white key: a black one between two white."""

WRONG_REACH, EXTRA_REACH = 2.0, 1.0
"""Largest distance from the right key, in white keys: of a wrong note, and of a brushed key."""

NEARNESS = 0.7
"""A key this many white keys further is e times less likely."""

HARMONY_S, OUT_OF_HARMONY = 1.5, 0.001
"""Time in which notes count half as much for the harmony, and the weight of a pitch class that is
not played."""

EXTRA_WITHIN_S = 0.02
EXTRA_LENGTH_S = (0.04, 0.12)
EXTRA_LOUDNESS = (0.4, 0.75)
"""A brushed key sounds within 20 ms of the right one, for about 0.1 s, and softer."""


class WrongNotes(NoteOperation):
    """Each note is, with probability `share`, moved by up to `reach_semitones`.

    The distance is uniform over ±1 … ±reach; one that leaves the keyboard goes the other way.
    """

    STRENGTH = ("share", 100, "%")
    operation: Literal["wrong_notes"] = "wrong_notes"
    share: float = Field(ge=0, le=1)
    reach_semitones: int = Field(ge=1, le=12)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a pitch change for each wrong note."""
        notes = performance.notes
        wrong = rng.random(len(notes)) < self.share
        distance = rng.integers(1, self.reach_semitones + 1, size=len(notes))
        direction = rng.choice([-1, 1], size=len(notes))
        pitch = notes["pitch"].astype(np.int16)
        on_keyboard = np.isin(pitch + direction * distance, PIANO_PITCHES)
        shift = np.where(on_keyboard, direction, -direction) * distance
        return Edits(notes=alter(notes["note_id"], pitch_shift=np.where(wrong, shift, 0)))


class Slips(NoteOperation):
    """A `share` of the notes go wrong as pianists' notes do (Repp 1996, "The art of inaccuracy").

    Missed, extra (a neighbouring key brushed beside the note: short and soft) or wrong (a
    neighbouring key instead of the note's); inner voices far more often than the bass, and that
    more often than the melody. The keys hit instead are near, and mostly belong to the harmony,
    for most intrusions and nearly all substitutions fit their context. Where every such key is
    held down already, the note is missed.

    No published threshold. One JND is taken as a share of 0.02, two slips in a hundred notes (a
    window's worth): eight pianists together noticed 38 % of slips, so one of two is noticed with
    1 - 0.62² = 62 %.
    """

    STRENGTH = ("share", 100, "%")
    MAY_DO_NOTHING = True
    operation: Literal["slips"] = "slips"
    share: float = Field(ge=0, le=0.3)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the notes missed, changed and added; extra ones get ids above all others."""
        notes = performance.notes
        if not len(notes):
            return Edits()
        outer = np.where(find_bass(notes), BASS, INNER)
        slipped = choose_share(rng, np.where(find_melody(notes), MELODY, outer), self.share)
        # Drawn for every note, so that a larger share adds slips and changes none.
        kind, aim, when, length, loudness = rng.random((5, len(notes)))
        latest_s, next_id = latest_onset(performance.duration_s), int(notes["note_id"].max()) + 1
        down, edits = notes.copy(), []
        for at in slipped:
            note, edit = notes[at], np.zeros(1, dtype=EDIT_DTYPE)
            edit["note_id"], edit["change"] = note["note_id"], Change.MISSED
            if MISSED_UP_TO <= kind[at] < EXTRA_UP_TO:
                brushed = brushed_note(
                    note, at + next_id, when[at], length[at], loudness[at], latest_s
                )
                pitch = wrong_key(notes, down, note, brushed, EXTRA_REACH, aim[at])
                if pitch is not None:
                    brushed["pitch"] = pitch
                    down, edit = np.append(down, brushed), add_notes(brushed)
            elif kind[at] >= EXTRA_UP_TO:
                pitch = wrong_key(notes, down, note, note, WRONG_REACH, aim[at])
                if pitch is not None:
                    down["pitch"][at] = pitch
                    edit["change"] = Change.ALTERED
                    edit["pitch_shift"] = int(pitch) - int(note["pitch"])
            edits.append(edit)
        return Edits(notes=np.concatenate(edits) if edits else no_edits())


def brushed_note(
    note: np.void, note_id: int, when: float, length: float, loudness: float, latest_s: float
) -> NoteArray:
    """Return an extra note beside `note`, as one row, its key not yet chosen."""
    brushed = np.zeros(1, dtype=note.dtype)
    onset_s = np.clip(note["onset_s"] + EXTRA_WITHIN_S * (2 * when - 1), 0.0, latest_s)
    brushed["note_id"], brushed["onset_s"] = note_id, snap(float(onset_s))
    brushed["offset_s"] = snap(float(onset_s + np.interp(length, (0, 1), EXTRA_LENGTH_S)))
    softer = note["velocity"] * np.interp(loudness, (0, 1), EXTRA_LOUDNESS)
    brushed["velocity"] = max(int(softer), 1)
    return brushed


def wrong_key(
    notes: NoteArray,
    down: NoteArray,
    right: np.void,
    played: np.void | NoteArray,
    reach: float,
    aim: float,
) -> int | None:
    """Return the key that is hit near the right one, or None where none is free."""
    pitch = np.array(PIANO_PITCHES)
    distance = np.abs(_place(pitch) - _place(right["pitch"]))
    nearness = np.where((distance > 0) & (distance <= reach), np.exp(-distance / NEARNESS), 0.0)
    # Keys that touch in time count as held: no finger restrikes within a tick of the grid.
    held = (down["onset_s"] <= played["offset_s"]) & (down["offset_s"] >= played["onset_s"])
    nearness[np.isin(pitch, down["pitch"][held])] = 0.0
    weight = nearness * _harmony(notes, right["onset_s"])[pitch % 12]
    total = weight.sum()
    return int(pitch[np.searchsorted(np.cumsum(weight), aim * total, "right")]) if total else None


def _place(pitch: np.integer | np.ndarray) -> FloatArray:
    octave, key = np.divmod(np.asarray(pitch, dtype=np.int64), 12)
    return np.asarray(7 * octave + KEY_PLACE[key])


def _harmony(notes: NoteArray, at_s: float) -> FloatArray:
    """Return the weight of each of the twelve pitch classes in the notes around a time.

    Squared, so that passing tones count for little: of 119 MAESTRO windows' wrong notes 93 % then
    are tones struck within two seconds, and of their extra ones 88 %.
    """
    nearness = 1 / (1 + ((notes["onset_s"] - at_s) / HARMONY_S) ** 2)
    played = np.bincount(notes["pitch"] % 12, nearness, minlength=12) ** 2
    return np.asarray(OUT_OF_HARMONY + played / played.sum())


class ChordNotesMissed(NoteOperation):
    """A `share` of the notes inside chords does not sound: the hand reaches the outer ones alone.

    Inside are those between the top and the bottom of a chord of three or more. One JND is taken
    as a share of 0.04: of two in fifty one is noticed with 62 %, as in `Slips`.
    """

    STRENGTH = ("share", 100, "%")
    MAY_DO_NOTHING = True
    operation: Literal["chord_notes_missed"] = "chord_notes_missed"
    share: float = Field(ge=0, le=1)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether a chord has a note inside."""
        return bool(len(_inside_chords(performance.notes)))

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the notes missed."""
        inside = _inside_chords(performance.notes)
        missed = inside[choose_share(rng, np.ones(len(inside)), self.share)]
        edits = np.zeros(len(missed), dtype=EDIT_DTYPE)
        edits["note_id"], edits["change"] = performance.notes["note_id"][missed], Change.MISSED
        return Edits(notes=edits)


def _inside_chords(notes: NoteArray) -> NDArray[np.intp]:
    """Return the rows of the notes between the top and the bottom of a chord."""
    first, pitch = first_of_chord(notes["onset_s"]), notes["pitch"]
    if not len(first):
        return first
    of = chord_of(notes["onset_s"])
    top, bottom = np.maximum.reduceat(pitch, first)[of], np.minimum.reduceat(pitch, first)[of]
    return np.flatnonzero((pitch < top) & (pitch > bottom))
