"""Pairs: makes a row of the shards from each draw of a segment."""

import hashlib
import math
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from degradation.degrade import damage_notes, damage_sound
from degradation.draws import Draw, FactoredDraw
from degradation.errors import UserError
from degradation.notes import Performance, cut_window
from degradation.render import soundfont_digest
from degradation.waveform import level_dbfs
from labeling.damage import measure_damage
from labeling.functions.timbre import SILENT_DBFS
from labeling.scores import draw_scores
from storage.audio import encode_flac
from storage.columns import edit_rows, pedal_edit_rows
from storage.factored_columns import factored_columns
from storage.load_or_render import RecordingError, load_or_render, recording_state
from storage.midi import write_midi
from storage.replay import SOUND_OPERATIONS
from storage.schema import PAIRS, PAIRS_QUARANTINE
from storage.tables import (
    ROW_GROUP_ROWS,
    DataFile,
    Table,
    data_file_path,
    find_data_file,
    write_data_file,
)

VERSION = "7"
"""In the digest of every data file: raise it when the same recipe gives other rows."""

TASK_ROWS = 256
"""Rows a task writes as one data file, about 50 MB: the most that a killed run makes again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusOrigin:
    """A row's corpus: its name, its licence, and the root that holds recordings."""

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

    def __str__(self) -> str:
        first, last = self.draws[0][0].sample_id, self.draws[-1][0].sample_id
        return f"pairs {first} to {last} ({self.tier}, {self.year})"

    @property
    def name(self) -> str:
        """Name of the data file: a digest of everything that determines its bytes."""
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


class SilenceError(UserError):
    """The sound of a draw is silent; other draws are not affected."""


def find_pairs(task: PairsTask) -> tuple[DataFile, DataFile] | None:
    """Return the files of pairs and quarantine that a task wrote before, if it did."""
    path, left_out_path = task.paths
    found = find_data_file(task.table, path)
    left_out = find_data_file(task.quarantine, left_out_path)
    return (found, left_out) if found and left_out else None


def write_pairs(task: PairsTask) -> tuple[DataFile, DataFile]:
    """Write a task's rows as one data file, a row group at a time, and one of the quarantine.

    A draw that is silent, or has no usable recording, goes to quarantine. Raises UserError for
    what would fail every draw, such as a missing FluidSynth.
    """
    recorded = task.draws[0][0].recipe.audio_source == "recorded"
    if recorded and not task.origin.root.is_dir():
        raise UserError(
            f"the corpus root {task.origin.root} is not on {platform.node()}; expected it on every "
            "machine that makes pairs of recordings: mount it there at the same path"
        )
    if made_before := find_pairs(task):
        return made_before
    path, left_out_path = task.paths
    faults: list[dict[str, Any]] = []
    found = write_data_file(task.table, path, _groups(task, faults))
    rows = pa.Table.from_pylist(faults, schema=PAIRS_QUARANTINE)
    return found, write_data_file(task.quarantine, left_out_path, [rows])


def quarantine_pairs(task: PairsTask, reason: str) -> tuple[DataFile, DataFile]:
    """Write all draws of a task into the quarantine, and a data file without rows.

    Their names are their own, so that the next run tries again.
    """
    path, left_out_path = (path.replace(task.name, f"{task.name}-killed") for path in task.paths)
    faults = [_fault(task, draw, reason) for draw, _ in task.draws]
    rows = pa.Table.from_pylist(faults, schema=PAIRS_QUARANTINE)
    found = write_data_file(task.table, path, [PAIRS.empty_table()])
    return found, write_data_file(task.quarantine, left_out_path, [rows])


def _fault(task: PairsTask, draw: Draw, reason: str) -> dict[str, Any]:
    fault = {"stage": "pairs", "item": draw.sample_id, "reason": reason}
    return fault | {"tier": task.tier, "year": task.year}


def _groups(task: PairsTask, faults: list[dict[str, Any]]) -> Iterator[pa.Table]:
    original: dict[str, Any] = {}
    for first in range(0, len(task.draws), ROW_GROUP_ROWS):
        rows = []
        for draw, segment in task.draws[first : first + ROW_GROUP_ROWS]:
            try:
                if original and draw.duplicate_of == original["sample_id"]:
                    rows.append(_duplicate(original, draw))
                else:
                    original = make_row(draw, segment, task.performances, task.origin)
                    rows.append(original)
            except (RecordingError, SilenceError) as error:
                faults.append(_fault(task, draw, str(error)))
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

    Raises RecordingError when its recording cannot be used, SilenceError when the sound is
    silent: all notes may begin at the very end of the window.
    """
    recipe = draw.recipe
    clean = clean_segment(segment, performances)
    instrument, sound_operations = draw.instrument, draw.sound_operations
    notes = damage_notes(clean, draw.note_operations, draw.stream)
    played = notes.performance
    before = load_or_render(played, recipe.audio_source, instrument, segment, origin.root)
    sound = damage_sound(before, sound_operations, draw.stream)
    level = level_dbfs(sound.waveform.samples)
    if level < SILENT_DBFS:
        raise SilenceError(
            f"the sound is silent ({level:.0f} dBFS); expected at least {SILENT_DBFS:g} dBFS: "
            "nothing is heard in this window"
        )
    measured = asdict(measure_damage(clean, played))
    sample_id = draw.sample_id
    return (
        dict.fromkeys(PAIRS.names)
        | {name: value for name, value in segment.items() if name in PAIRS.names}
        | draw_scores(draw)
        | (factored_columns(draw, segment) if isinstance(draw, FactoredDraw) else {})
        | {name: value if math.isfinite(value) else None for name, value in measured.items()}
        | {
            "sample_id": sample_id,
            "tier": draw.tier,
            "recipe": recipe.name,
            "recipe_digest": recipe.tier_digest(draw.tier),
            "seed": recipe.seed,
            "draw": draw.number,
            "duplicate_of": draw.duplicate_of,
            "corpus": origin.name,
            "licence": origin.licence,
            "audio_source": recipe.audio_source,
            "strengths": [
                {"operation": op.operation, "strength": op.strength[0], "unit": op.strength[1]}
                for op in draw.damage_operations
            ],
            "realised_snr_db": sound.realised_snr_db,
            "level_dbfs": level,
            "gain_db": sound.gain_db,
            "edits": edit_rows(notes.edits),
            "pedal_edits": pedal_edit_rows(notes.edits),
            "sound_operations": SOUND_OPERATIONS.dump_json(sound_operations).decode(),
            "instrument": instrument.model_dump_json(),
            "soundfont_digest": soundfont_digest(instrument.soundfont_path()),
            "midi": _medium(write_midi(played), f"{sample_id}.mid"),
            "clean_midi": _medium(write_midi(clean), f"{segment['segment_id']}.mid"),
            "audio": _medium(encode_flac(sound.waveform), f"{sample_id}.flac"),
        }
    )


def _duplicate(original: dict[str, Any], draw: Draw) -> dict[str, Any]:
    """Return the row of a draw that sounds as the original: scores and names are its own."""
    sample_id = draw.sample_id
    return (
        original
        | draw_scores(draw)
        | {
            "sample_id": sample_id,
            "draw": draw.number,
            "duplicate_of": draw.duplicate_of,
            "midi": _medium(original["midi"]["bytes"], f"{sample_id}.mid"),
            "audio": _medium(original["audio"]["bytes"], f"{sample_id}.flac"),
        }
    )


def _medium(data: bytes, name: str) -> dict[str, object]:
    return {"bytes": data, "path": name}


def split_into_tasks(draws: Sequence[Any]) -> list[Sequence[Any]]:
    """Return draws in consecutive groups of `TASK_ROWS`."""
    return [draws[first : first + TASK_ROWS] for first in range(0, len(draws), TASK_ROWS)]
