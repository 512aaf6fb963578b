"""Pairs: a draw of a segment becomes a row of the shards; a row becomes the same bytes again."""

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from degradation.degrade import NOISES, DamagedSound, damage_notes, damage_sound, replay_notes
from degradation.draws import Draw, FactoredDraw, TieredDraw, random_stream_key
from degradation.errors import UserError
from degradation.notes import Performance, cut_window
from degradation.operation import SoundOperation
from degradation.operations import SoundDamage
from degradation.render import Instrument, soundfont_digest
from degradation.seeds import stream
from degradation.waveform import Waveform, level_dbfs
from labeling.damage import measure_damage
from labeling.functions.timbre import SILENT_DBFS
from labeling.scores import draw_scores
from storage.audio import encode_flac
from storage.columns import edit_rows, pedal_edit_rows, read_edits
from storage.factored_columns import factored_columns
from storage.load_or_render import RecordingError, load_or_render, recording_state
from storage.midi import read_midi, write_midi
from storage.schema import PAIRS, PAIRS_QUARANTINE
from storage.tables import (
    ROW_GROUP_ROWS,
    DataFile,
    Table,
    data_file_path,
    find_data_file,
    write_data_file,
)

VERSION = "5"
"""Part of every part's name: raise it when the same recipe gives other rows."""

TASK_ROWS = 256
"""Rows a part, about 50 MB: what one task makes, and what a killed run makes again at most."""

_SOUND_OPERATIONS: TypeAdapter[Any] = TypeAdapter(tuple[SoundDamage, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusOrigin:
    """What a row says of its corpus, and where the recordings lie."""

    name: str
    root: Path
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsTask:
    """Draws of one tier and year, for one worker, each with its row of the segments table."""

    table: Table
    quarantine: Table
    origin: CorpusOrigin
    year: int
    tier: str
    draws: tuple[tuple[Draw, dict[str, Any]], ...]
    performances: dict[str, Performance]

    @property
    def name(self) -> str:
        """What the part is called: a digest of all that its bytes follow from."""
        recipe = self.draws[0][0].recipe
        about = [
            VERSION,
            recipe.name,
            recipe.tier_digest(self.tier),
            *(soundfont_digest(each.soundfont_path()) for each in recipe.instruments),
            self.origin.name,
            self.origin.licence,
            *(f"{draw.sample_id} {sorted(segment.items())}" for draw, segment in self.draws),
        ]
        if recipe.audio_source == "recorded":
            names = {segment["audio_filename"] for _, segment in self.draws} - {""}
            about += [recording_state(self.origin.root / name) for name in sorted(names)]
        digest = hashlib.sha256("\n".join(about).encode())
        for performance_id in sorted(self.performances):
            performance = self.performances[performance_id]
            digest.update(performance.notes.tobytes() + performance.pedal.tobytes())
        return digest.hexdigest()[:16]

    @property
    def paths(self) -> tuple[str, str]:
        """Where the pairs and the quarantine lie in their tables."""
        partition, name = {"tier": self.tier, "year": str(self.year)}, self.name
        return data_file_path(self.table, partition, name), data_file_path(
            self.quarantine, partition, name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsReport:
    """What a worker wrote: the pairs, and those it left out."""

    pairs: DataFile
    quarantine: DataFile


class SilenceError(UserError):
    """A draw in which nothing is heard; the rest of its part can be made."""


def find_pairs(task: PairsTask) -> PairsReport | None:
    """Return what a task wrote before, if it did."""
    return _find(task, *task.paths)


def _find(task: PairsTask, path: str, left_out_path: str) -> PairsReport | None:
    found, left_out = (
        find_data_file(task.table, path),
        find_data_file(task.quarantine, left_out_path),
    )
    return PairsReport(pairs=found, quarantine=left_out) if found and left_out else None


def write_pairs(task: PairsTask) -> PairsReport:
    """Make a task's rows and write them as one part, a row group at a time.

    A draw whose recording cannot be used, or that is silent, goes to quarantine; what would
    befall every draw (no FluidSynth, say) is a UserError.
    """
    path, left_out_path = task.paths
    if made_before := _find(task, path, left_out_path):
        return made_before
    faults: list[dict[str, Any]] = []
    found = write_data_file(task.table, path, _groups(task, faults))
    rows = pa.Table.from_pylist(faults, schema=PAIRS_QUARANTINE)
    left_out = write_data_file(task.quarantine, left_out_path, [rows])
    return PairsReport(pairs=found, quarantine=left_out)


def _groups(task: PairsTask, faults: list[dict[str, Any]]) -> Iterator[pa.Table]:
    for first in range(0, len(task.draws), ROW_GROUP_ROWS):
        rows = []
        for draw, segment in task.draws[first : first + ROW_GROUP_ROWS]:
            try:
                rows.append(make_row(draw, segment, task.performances, task.origin))
            except (RecordingError, SilenceError) as error:
                fault = {"stage": "pairs", "item": draw.sample_id, "reason": str(error)}
                faults.append(fault | {"tier": task.tier, "year": task.year})
        yield pa.Table.from_pylist(rows, schema=PAIRS)


def clean_segment(segment: dict[str, Any], performances: dict[str, Performance]) -> Performance:
    """Return the notes and pedal of a row of the segments table."""
    performance = performances[segment["performance_id"]]
    return cut_window(performance, segment["start_s"], segment["duration_s"])


def make_row(
    draw: Draw,
    segment: dict[str, Any],
    performances: dict[str, Performance],
    origin: CorpusOrigin,
) -> dict[str, Any]:
    """Return one row of the shards: damaged notes, what they sound like, labels, provenance.

    Raises RecordingError when its recording cannot be used, SilenceError when nothing is heard:
    the notes may all begin in the window's last moments.
    """
    recipe = draw.recipe
    clean = clean_segment(segment, performances)
    note_operations, sound_operations = draw.note_operations, draw.sound_operations
    instrument = draw.instrument
    notes = damage_notes(clean, note_operations, draw.stream)
    before = load_or_render(
        notes.performance, recipe.audio_source, instrument, segment, origin.root
    )
    sound = damage_sound(before, sound_operations, draw.stream)
    level = level_dbfs(sound.waveform.samples)
    if level < SILENT_DBFS:
        raise SilenceError(
            f"the sound is silent ({level:.0f} dBFS); expected at least {SILENT_DBFS:g} dBFS: "
            "nothing is heard in this window"
        )
    measured = measure_damage(clean, notes.performance)
    sample_id = draw.sample_id
    copied = set(PAIRS.names) & set(segment)
    return (
        dict.fromkeys(PAIRS.names)
        | {name: segment[name] for name in copied}
        | draw_scores(draw)
        | (factored_columns(draw, segment) if isinstance(draw, FactoredDraw) else {})
        | {name: _or_null(getattr(measured, name)) for name in measured.__slots__}
        | {
            "sample_id": sample_id,
            "tier": draw.tier,
            "recipe": recipe.name,
            "recipe_digest": recipe.tier_digest(draw.tier),
            "seed": recipe.seed,
            "draw": draw.number,
            "duplicate_of": draw.duplicate_of if isinstance(draw, TieredDraw) else None,
            "corpus": origin.name,
            "licence": origin.licence,
            "audio_source": recipe.audio_source,
            "strengths": [
                dict(
                    zip(
                        ("operation", "strength", "unit"), (op.operation, *op.strength), strict=True
                    )
                )
                for op in draw.damage_operations
            ],
            "realised_snr_db": sound.realised_snr_db,
            "level_dbfs": level,
            "gain_db": sound.gain_db,
            "edits": edit_rows(notes.edits),
            "pedal_edits": pedal_edit_rows(notes.edits),
            "sound_operations": _SOUND_OPERATIONS.dump_json(sound_operations).decode(),
            "instrument": instrument.model_dump_json(),
            "soundfont_digest": soundfont_digest(instrument.soundfont_path()),
            "midi": _medium(write_midi(notes.performance), f"{sample_id}.mid"),
            "clean_midi": _medium(write_midi(clean), f"{segment['segment_id']}.mid"),
            "audio": _medium(encode_flac(sound.waveform), f"{sample_id}.flac"),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replayed:
    """What a row was made of and what it holds; note ids are those of the row's edits.

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
    """Return a row's sound as it was before noise, and whatever came after it, was added.

    It is turned down as far as the row was: without its noise it has another peak.
    """
    before = list(
        itertools.takewhile(
            lambda stored: stored.operation not in NOISES, _stored_sound_operations(row)
        )
    )
    _, degraded = _stored_notes(row)
    sound = _stored_sound(row, degraded, root, before)
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
    operations: tuple[SoundOperation, ...] = _SOUND_OPERATIONS.validate_json(
        row["sound_operations"]
    )
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


def _or_null(value: float) -> float | None:
    """Return a measurement; NaN or an infinity (there is nothing to measure) becomes null."""
    return value if math.isfinite(value) else None


def _medium(data: bytes, name: str) -> dict[str, object]:
    return {"bytes": data, "path": name}


def split_into_tasks(draws: Sequence[Any]) -> list[Sequence[Any]]:
    """Return draws in runs of `TASK_ROWS`."""
    return [draws[first : first + TASK_ROWS] for first in range(0, len(draws), TASK_ROWS)]
