"""Feature tables, made once from the shards and read by every experiment.

What computes audio features imports torch where it is called: note tokens and the code location
of Dagster do without.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.notes import Performance
from degradation.waveform import Waveform
from labeling.measures import measure_plainly
from models.config.audio import OF_NO_FEATURE, AudioFeatures, MelFeatures, MertFeatures
from models.config.experiment import ExperimentConfig, Modality
from models.config.midi import TokenName
from models.hearing.trained import TrainedDetector
from models.inputs.feature_reader import ExampleParts, NoteFeatures
from models.inputs.mert_files import mert_identity
from models.tokens.tokenisers import TOKENISERS
from storage.audio import decode_audio
from storage.derive import derive_data_file, derived_path
from storage.files import filesystem
from storage.midi import read_midi
from storage.schema import AUDIO_FEATURES, DISTINCT, MIDI_TOKENS
from storage.tables import DataFile, Table, data_file_rows

if TYPE_CHECKING:
    from models.hearing.detector import NoteDetector

AUDIO_FEATURES_VERSION = "a4"
MIDI_TOKENS_VERSION = "n4"
_KEYS = ["sample_id", "split", "tier", "year", "duration_s"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesTask:
    """One part of the shards, and the table that its features go to."""

    pairs: Table
    target: Table
    path: str
    audio: AudioFeatures
    tokens: TokenName
    detector: TrainedDetector | None

    def __str__(self) -> str:
        return f"features of {self.pairs.url}/{self.path}"


def audio_features_version(
    config: AudioFeatures, tokens: TokenName, detector: TrainedDetector | None
) -> str:
    """Return what a part of audio features is called by: settings, and weights that made it."""
    settings = config.model_dump_json(exclude=set(OF_NO_FEATURE))
    if isinstance(config, MertFeatures):
        settings += mert_identity(config)
    if detector:
        settings += midi_tokens_version(tokens) + detector.version
    return AUDIO_FEATURES_VERSION + hashlib.sha256(settings.encode()).hexdigest()[:8]


def midi_tokens_version(tokens: TokenName) -> str:
    """Return what a part of note tokens is called by."""
    return f"{MIDI_TOKENS_VERSION}{tokens}{TOKENISERS[tokens].version}"


def feature_workers(config: AudioFeatures, workers: int) -> int:
    """Return how many processes make features: one where a GPU computes them in batches."""
    if not isinstance(config, MertFeatures):
        return workers

    import torch

    return 1 if torch.cuda.is_available() else workers


def audio_features(clips: Sequence[Waveform], config: AudioFeatures) -> list[NDArray[np.float16]]:
    """Return the features of each clip, (frames, width), at the configured frame rate."""
    if isinstance(config, MelFeatures):
        from models.inputs.log_mel import log_mel

        return [log_mel(clip, config) for clip in clips]

    from models.inputs.mert import warm_mert
    from models.inputs.mert_frames import mert_frames

    return mert_frames(clips, warm_mert(config), config)


def note_features(performance: Performance, tokens: TokenName) -> NoteFeatures:
    """Return the features of notes."""
    encoded = TOKENISERS[tokens].encode(performance)
    return NoteFeatures(tokens=encoded, measures=measure_plainly(performance))


def heard_features(
    clips: Sequence[Waveform], detector: "NoteDetector | None", tokens: TokenName
) -> Sequence[NoteFeatures | None]:
    """Return the features of the notes that a detector hears in each clip; None without one."""
    if detector is None:
        return [None] * len(clips)

    from models.hearing.hear import hear

    return [note_features(heard, tokens) for heard in hear(clips, detector)]


def write_audio_features(task: FeaturesTask) -> DataFile:
    """Write the audio features of one part of the shards; rows that repeat another have none."""

    def derive(rows: pa.Table) -> pa.Table:
        rows = rows.filter(DISTINCT)
        clips = [decode_audio(audio["bytes"], audio["path"]) for audio in rows["audio"].to_pylist()]
        found = audio_features(clips, task.audio)
        detector = None
        if task.detector:
            # Where features have a GPU, one process has it to itself: see `feature_workers`.
            from models.device import accelerator
            from models.hearing.detector import warm_detector

            on = accelerator() if isinstance(task.audio, MertFeatures) else "cpu"
            detector = warm_detector(task.detector, on)
        heard = heard_features(clips, detector, task.tokens)
        notes = [one and one.tokens.tobytes() for one in heard]
        measures = [one and one.measures for one in heard]
        return (
            rows.select(_KEYS)
            .append_column("features", pa.array([f.astype("<f2").tobytes() for f in found]))
            .append_column("frames", pa.array([len(f) for f in found], pa.int32()))
            .append_column("width", pa.array([f.shape[1] for f in found], pa.int32()))
            .append_column("heard", pa.array(notes, pa.binary()))
            .append_column("heard_measures", pa.array(measures, pa.list_(pa.float32())))
            .cast(AUDIO_FEATURES)
        )

    version = audio_features_version(task.audio, task.tokens, task.detector)
    return derive_data_file(task.pairs, task.path, task.target, version, derive)


def write_midi_tokens(task: FeaturesTask) -> DataFile:
    """Write note tokens and measures of one part of the shards; rows that repeat have none."""

    def derive(rows: pa.Table) -> pa.Table:
        rows = rows.filter(DISTINCT)
        played = [read_midi(midi["bytes"], midi["path"]) for midi in rows["midi"].to_pylist()]
        notes = [note_features(performance, task.tokens) for performance in played]
        return (
            rows.select(_KEYS)
            .append_column("tokens", pa.array([n.tokens.tobytes() for n in notes], pa.binary()))
            .append_column("notes", pa.array([len(n.tokens) for n in notes], pa.int32()))
            .append_column(
                "measures", pa.array([n.measures for n in notes], pa.list_(pa.float32()))
            )
            .cast(MIDI_TOKENS)
        )

    version = midi_tokens_version(task.tokens)
    return derive_data_file(task.pairs, task.path, task.target, version, derive)


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
    pairs_paths: list[str],
    audio_table: Table,
    tokens_table: Table,
    config: ExperimentConfig,
    versions: Mapping[str, int],
    detector: TrainedDetector | None,
    modalities: Collection[Modality],
) -> ExampleParts:
    """Return where the features of these parts of the shards lie, part by part.

    `versions` are those of the two tables, by name; `detector` heard the notes in the sound.
    Raises UserError when a table lacks some of them that are of `modalities`.
    """

    def uris(modality: Modality, table: Table, name: str, made_by: str) -> tuple[str, ...]:
        wanted = [derived_path(path, made_by) for path in pairs_paths]
        if modality in modalities:
            check_parts(table, wanted, data_file_rows(table, versions[name]))
        files, root = filesystem(table.url)
        scheme = "file" if files.type_name == "local" else files.type_name
        return tuple(f"{scheme}://{root}/{path}" for path in wanted)

    tokens = config.midi_encoder.tokens
    return ExampleParts(
        audio_features=uris(
            "audio",
            audio_table,
            "audio_features",
            audio_features_version(config.audio_features, tokens, detector),
        ),
        midi_tokens=uris("midi", tokens_table, "midi_tokens", midi_tokens_version(tokens)),
        audio=config.audio_features,
        tokens=tokens,
        detector=detector,
    )
