"""Makes a row's notes and sound again from what the row stores, and writes them as files."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from pydantic import TypeAdapter

from degradation.counted import counted
from degradation.degrade import NOISES, DamagedSound, damage_sound, replay_notes
from degradation.draws import random_stream_key
from degradation.errors import UserError
from degradation.notes import NoteArray, Performance
from degradation.operation import SoundOperation
from degradation.operations import SoundDamage
from degradation.render import Instrument, soundfont_digest
from degradation.seeds import stream
from degradation.waveform import Waveform
from labeling.mistakes import find_mistakes
from storage.audio import encode_flac
from storage.columns import read_edits
from storage.files import whole_file
from storage.load_or_render import load_or_render
from storage.midi import read_midi, write_midi
from storage.tables import MEDIA_COLUMNS, Table, read_table, table_exists

SOUND_OPERATIONS: TypeAdapter[Any] = TypeAdapter(tuple[SoundDamage, ...])
"""The column `sound_operations` as JSON and back."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replayed:
    """A row's clean and degraded notes and sound; note ids are those of the row's edits.

    `write_midi` and `encode_flac` give the row's own bytes again.
    """

    clean: Performance
    clean_sound: Waveform
    degraded: Performance
    sound: Waveform


def replay(row: dict[str, Any], root: Path | None = None) -> Replayed:
    """Make a row's notes and sound again from what the row itself stores.

    `root` is the corpus root, needed where the audio was recorded. Raises UserError when the
    soundfont is not the one that the row was made with.
    """
    clean, degraded = _stored_notes(row)
    return Replayed(
        clean=clean,
        clean_sound=_stored_sound(row, clean, root, ()).waveform,
        degraded=degraded,
        sound=_stored_sound(row, degraded, root, _stored_sound_operations(row)).waveform,
    )


def replay_without_noise(row: dict[str, Any], root: Path | None = None) -> Waveform:
    """Return a row's sound without its noise and without the operations after the noise.

    Its gain is that of the row, because the peak without noise would give another gain.
    """
    operations = _stored_sound_operations(row)
    before = itertools.takewhile(lambda stored: stored.operation not in NOISES, operations)
    _, degraded = _stored_notes(row)
    sound = _stored_sound(row, degraded, root, list(before))
    factor = np.float32(10 ** ((row["gain_db"] - sound.gain_db) / 20))
    return replace(sound.waveform, samples=sound.waveform.samples * factor)


def _stored_notes(row: dict[str, Any]) -> tuple[Performance, Performance]:
    stored = read_midi(row["clean_midi"]["bytes"], row["clean_midi"]["path"])
    clean = Performance(notes=stored.notes, pedal=stored.pedal, duration_s=row["duration_s"])
    on_sound = {operation.operation for operation in _stored_sound_operations(row)}
    names = [strength["operation"] for strength in row["strengths"]]
    on_notes = [name for name in names if name not in on_sound]
    return clean, replay_notes(clean, read_edits(on_notes, row["edits"], row["pedal_edits"]))


def _stored_sound_operations(row: dict[str, Any]) -> tuple[SoundOperation, ...]:
    operations: tuple[SoundOperation, ...] = SOUND_OPERATIONS.validate_json(row["sound_operations"])
    return operations


def _stored_sound(
    row: dict[str, Any],
    performance: Performance,
    root: Path | None,
    operations: Sequence[SoundOperation],
) -> DamagedSound:
    instrument = Instrument.model_validate_json(row["instrument"])
    if row["audio_source"] == "rendered":
        found = soundfont_digest(instrument.soundfont_path())
        if found != row["soundfont_digest"]:
            raise UserError(
                f"{row['sample_id']} was rendered with another {instrument.soundfont}: expected "
                f"digest {row['soundfont_digest']}, got {found}: install that soundfont"
            )
    before = load_or_render(performance, row["audio_source"], instrument, row, root)
    name = (row["recipe"], row["segment_id"], random_stream_key(row["draw"], row["varied"]))
    return damage_sound(before, operations, lambda operation: stream(row["seed"], *name, operation))


def find_row(tables: Sequence[Table], sample_id: str) -> dict[str, Any]:
    """Return the row of a sample from whichever table has it. Raises UserError when none has."""
    there = [table for table in tables if table_exists(table)]
    for table in there:
        found = read_table(table).to_table(filter=pc.field("sample_id") == sample_id)
        for row in found.to_pylist():
            return dict(row)
    raise UserError(
        f"no sample is called {sample_id!r} in {counted(len(there), 'table')} of pairs; find one "
        'with `pianograde query "select sample_id from samples limit 5"`'
    )


def write_replay(row: dict[str, Any], root: Path, folder: Path) -> list[Path]:
    """Write a row's files, made again, into `folder`; return their paths.

    `extra.mid`, `missed.mid` and `correct.mid` hold the notes of each class of `Mistakes`.

    Raises UserError when they are not the bytes that the row holds, or cannot be written.
    """
    made = replay(row, root)
    midi, flac = write_midi(made.degraded), encode_flac(made.sound)
    if midi != row["midi"]["bytes"] or flac != row["audio"]["bytes"]:
        raise UserError(
            f"{row['sample_id']} was not made again byte for byte; expected the FluidSynth and "
            "libsndfile that made it: use the versions of constraints.txt, or read the row's own "
            "audio and midi"
        )
    mistakes = find_mistakes(made.clean.notes, made.degraded.notes)
    about = {name: value for name, value in row.items() if name not in MEDIA_COLUMNS}
    files = {
        "degraded.mid": midi,
        "degraded.flac": flac,
        "clean.mid": write_midi(made.clean),
        "clean.flac": encode_flac(made.clean_sound),
        "extra.mid": write_midi(_notes_alone(mistakes.extra, made.clean)),
        "missed.mid": write_midi(_notes_alone(mistakes.missed, made.clean)),
        "correct.mid": write_midi(_notes_alone(mistakes.correct, made.clean)),
        "provenance.json": json.dumps(about, indent=2, ensure_ascii=False).encode(),
    }
    for name, data in files.items():
        with whole_file(str(folder), name) as file:
            file.write(data)
    return [folder / name for name in files]


def _notes_alone(notes: NoteArray, of: Performance) -> Performance:
    return Performance(notes=notes, pedal=of.pedal[:0], duration_s=of.duration_s)
