"""Feature tables, made once from the shards and read by every experiment."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from degradation.errors import UserError
from models.config import MelConfig
from models.features import log_mel
from models.parts import ExampleParts
from models.tokens import performance_tokens
from storage.audio import decode_audio
from storage.files import filesystem
from storage.midi import read_midi
from storage.schema import AUDIO_FEATURES, MIDI_TOKENS
from storage.tables import Part, Table, derive_part, derived_path, part_rows

TOKENS_VERSION = "t1"
MEL_VERSION = "m1"
_KEYS = ["sample_id", "split", "tier", "year"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesTask:
    """One part of the shards, and the table that its features go to."""

    pairs: Table
    target: Table
    path: str
    mel: MelConfig


def mel_version(config: MelConfig) -> str:
    """Return what a part of log-mel spectrograms is called by: they follow from the settings."""
    return MEL_VERSION + hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:8]


def write_audio_features_part(task: FeaturesTask) -> Part:
    """Write the log-mel spectrograms of one part of the shards."""

    def derive(rows: pa.Table) -> pa.Table:
        spectrograms = [
            log_mel(decode_audio(audio["bytes"], audio["path"]), task.mel)
            for audio in rows["audio"].to_pylist()
        ]
        return (
            rows.select(_KEYS)
            .append_column("log_mel", pa.array([s.astype("<f2").tobytes() for s in spectrograms]))
            .append_column("frames", pa.array([len(s) for s in spectrograms], pa.int32()))
            .append_column("bands", pa.array([s.shape[1] for s in spectrograms], pa.int32()))
            .cast(AUDIO_FEATURES)
        )

    return derive_part(task.pairs, task.path, task.target, mel_version(task.mel), derive)


def write_midi_tokens_part(task: FeaturesTask) -> Part:
    """Write the note tokens of one part of the shards."""

    def derive(rows: pa.Table) -> pa.Table:
        tokens = [
            performance_tokens(read_midi(midi["bytes"], midi["path"]))
            for midi in rows["midi"].to_pylist()
        ]
        return (
            rows.select(_KEYS)
            .append_column("tokens", pa.array([t.tobytes() for t in tokens], pa.binary()))
            .append_column("notes", pa.array([len(t) for t in tokens], pa.int32()))
            .cast(MIDI_TOKENS)
        )

    return derive_part(task.pairs, task.path, task.target, TOKENS_VERSION, derive)


def check_parts(table: Table, wanted: Collection[str], held: Collection[str]) -> None:
    """Refuse a table that holds not all the parts which follow from the pairs: UserError."""
    lacking = set(wanted) - set(held)
    if lacking:
        name = table.url.rsplit("/", 1)[-1]
        raise UserError(
            f"{name} lacks {len(lacking)} of {len(wanted)} parts of the pairs; expected all, made "
            f"from these pairs with today's settings: materialise {name} again"
        )


def example_parts(
    pairs_paths: list[str], audio_features: Table, midi_tokens: Table, mel: MelConfig
) -> ExampleParts:
    """Return where the features of these parts of the shards lie, part by part.

    Raises UserError when a table lacks some of them.
    """

    def uris(table: Table, version: str) -> tuple[str, ...]:
        wanted = [derived_path(path, version) for path in pairs_paths]
        check_parts(table, wanted, part_rows(table))
        files, root = filesystem(table.url)
        scheme = "file" if files.type_name == "local" else files.type_name
        return tuple(f"{scheme}://{root}/{path}" for path in wanted)

    return ExampleParts(
        audio_features=uris(audio_features, mel_version(mel)),
        midi_tokens=uris(midi_tokens, TOKENS_VERSION),
        mel=mel,
    )
