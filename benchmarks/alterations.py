"""What is done to a performance that a grader must answer in a known way, and those laws."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from degradation.degrade import damage_notes, damage_sound
from degradation.edits import Edits, alter, apply_edits
from degradation.halting import Insertion, insert_time
from degradation.notes import LOUDEST, PIANO_PITCHES, SOFTEST, Performance, latest_onset, snap
from degradation.operation import NoteOperation, SoundOperation
from degradation.sampling import FloatArray
from degradation.sound_effects import Gain, Noise
from degradation.timing import OnsetJitter
from degradation.waveform import Waveform
from degradation.wrong_notes import WrongNotes

STILL_POINTS, FALL_POINTS = 3.0, 5.0
"""A grade that must not move may move by the first; one that must fall falls by the second."""

PIECE_S, STOP_S, TRANSPOSED = 0.25, 3.0, 3

LAWS: Mapping[str, Callable[[float], bool]] = {
    "falls": lambda difference: difference <= -FALL_POINTS,
    "does not rise": lambda difference: difference <= STILL_POINTS,
    "does not move": lambda difference: abs(difference) <= STILL_POINTS,
}
"""By name, whether a difference from the original, in points, keeps a law."""

Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """An alteration's law, a name of `LAWS`, and what it does to notes or to sound."""

    law: str
    notes: Callable[[Performance, Rng], Performance] | None = None
    sound: Callable[[Waveform, Rng], Waveform] | None = None


def play_backwards(performance: Performance, rng: Rng) -> Performance:
    """Return the notes struck in the opposite order, each as long as before; the pedal likewise."""
    notes, pedal = performance.notes, performance.pedal.copy()
    both_ends_s = notes["onset_s"].min() + notes["onset_s"].max()
    shift_s = both_ends_s - 2 * notes["onset_s"]
    # Backwards, a movement leads to the depth that was there before it.
    for controller in np.unique(pedal["controller"]):
        of_it = pedal["controller"] == controller
        pedal["value"][of_it] = np.concatenate([[0], pedal["value"][of_it][:-1]])
    pedal["time_s"] = snap(np.clip(both_ends_s - pedal["time_s"], 0, performance.duration_s))
    moved = alter(notes["note_id"], onset_shift_s=shift_s, offset_shift_s=shift_s)
    return apply_edits(performance, Edits(notes=moved, pedal=pedal[::-1]))


def shuffle_pieces(performance: Performance, rng: Rng) -> Performance:
    """Return the notes and the pedal with their quarters of a second in another order."""
    notes, pedal = performance.notes, performance.pedal.copy()
    count = int(latest_onset(performance.duration_s) / PIECE_S)
    place = rng.permutation(count)

    def shift_s(time_s: FloatArray) -> FloatArray:
        piece = np.floor(time_s / PIECE_S).astype(int)
        rest = piece >= count  # less than a piece, at the end
        return np.where(rest, 0.0, PIECE_S * (place[np.minimum(piece, count - 1)] - piece))

    moved_s = shift_s(notes["onset_s"])
    pedal["time_s"] = snap(pedal["time_s"] + shift_s(pedal["time_s"]))
    moved = alter(notes["note_id"], onset_shift_s=moved_s, offset_shift_s=moved_s)
    in_order = pedal[np.argsort(pedal["time_s"], kind="stable")]
    return apply_edits(performance, Edits(notes=moved, pedal=in_order))


def transpose(performance: Performance, rng: Rng) -> Performance:
    """Return all notes three semitones higher, or lower where the keyboard ends above."""
    notes = performance.notes
    room = notes["pitch"].max() + TRANSPOSED <= max(PIANO_PITCHES)
    shift = np.full(len(notes), TRANSPOSED if room else -TRANSPOSED)
    return apply_edits(performance, Edits(notes=alter(notes["note_id"], pitch_shift=shift)))


def randomise(performance: Performance, rng: Rng) -> Performance:
    """Return as many notes, as long as before, at any time, on any key, as loud as may be."""
    notes = performance.notes
    shift_s = rng.uniform(0, latest_onset(performance.duration_s), len(notes)) - notes["onset_s"]
    pitch = rng.choice(PIANO_PITCHES, len(notes)) - notes["pitch"].astype(int)
    loudness = rng.integers(int(SOFTEST), int(LOUDEST), len(notes), endpoint=True)
    moved = alter(
        notes["note_id"],
        onset_shift_s=shift_s,
        offset_shift_s=shift_s,
        pitch_shift=pitch,
        velocity_shift=loudness - notes["velocity"].astype(int),
    )
    return apply_edits(performance, Edits(notes=moved))


def stop_in_the_middle(performance: Performance, rng: Rng) -> Performance:
    """Return the performance with a stop of three seconds before its middle note."""
    longer = replace(performance, duration_s=performance.duration_s + STOP_S)
    middle_s = float(performance.notes["onset_s"][len(performance.notes) // 2])
    return apply_edits(longer, insert_time(longer, [Insertion(middle_s, STOP_S)]))


def halve_speed(performance: Performance, rng: Rng) -> Performance:
    """Return the performance at half its speed."""
    notes, pedal = performance.notes, performance.pedal.copy()
    pedal["time_s"] *= 2
    slower = replace(performance, duration_s=2 * performance.duration_s, pedal=pedal)
    times = {"onset_shift_s": notes["onset_s"], "offset_shift_s": notes["offset_s"]}
    return apply_edits(slower, Edits(notes=alter(notes["note_id"], **times)))


def quieten(performance: Performance, rng: Rng) -> Performance:
    """Return the notes with velocities that are a third lower."""
    notes = performance.notes
    velocity = notes["velocity"].astype(int)
    shift = np.maximum(np.rint(velocity * 2 / 3), SOFTEST) - velocity
    return apply_edits(performance, Edits(notes=alter(notes["note_id"], velocity_shift=shift)))


def _by(operation: NoteOperation, performance: Performance, rng: Rng) -> Performance:
    return damage_notes(performance, [operation], lambda _: rng).performance


def shuffle_sound(waveform: Waveform, rng: Rng) -> Waveform:
    """Return the sound with its quarters of a second in another order."""
    pieces = np.array_split(waveform.samples, max(round(waveform.duration_s / PIECE_S), 1))
    return waveform.with_samples(np.concatenate([pieces[k] for k in rng.permutation(len(pieces))]))


def _heard(operation: SoundOperation, waveform: Waveform, rng: Rng) -> Waveform:
    return damage_sound(waveform, [operation], lambda _: rng).waveform


def jittered(spread_s: float) -> Callable[[Performance, Rng], Performance]:
    """Return the alteration that moves each onset by itself."""
    return partial(_by, OnsetJitter(spread_s=spread_s))


ALTERATIONS: Mapping[str, Altered] = {
    "played backwards": Altered(law="falls", notes=play_backwards),
    "shuffled in 250-ms pieces": Altered(law="falls", notes=shuffle_pieces),
    "transposed by 3 semitones": Altered(law="does not move", notes=transpose),
    "half of the notes wrong": Altered(
        law="falls", notes=partial(_by, WrongNotes(share=0.5, reach_semitones=3))
    ),
    "all notes random": Altered(law="falls", notes=randomise),
    "onsets off by 10 ms": Altered(law="does not rise", notes=jittered(0.01)),
    "onsets off by 30 ms": Altered(law="does not rise", notes=jittered(0.03)),
    "onsets off by 100 ms": Altered(law="falls", notes=jittered(0.1)),
    "a stop of 3 s": Altered(law="does not rise", notes=stop_in_the_middle),
    "half speed": Altered(law="does not rise", notes=halve_speed),
    "velocities a third lower": Altered(law="does not move", notes=quieten),
    "sound: backwards": Altered(
        law="falls", sound=lambda waveform, _: waveform.with_samples(waveform.samples[::-1].copy())
    ),
    "sound: shuffled in 250-ms pieces": Altered(law="falls", sound=shuffle_sound),
    "sound: noise at 20 dB": Altered(law="does not move", sound=partial(_heard, Noise(snr_db=20))),
    "sound: 30 dB quieter": Altered(law="does not move", sound=partial(_heard, Gain(gain_db=-30))),
}
