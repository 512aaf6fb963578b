"""Feature tables read row by row: Parquet parts in, examples out, a little at a time."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from numpy.typing import NDArray

from degradation.errors import UserError
from models.config.audio import OF_NO_FEATURE, AudioFeatures
from models.config.experiment import ExperimentConfig, Modality
from models.config.midi import TokenName
from models.tokens.tokeniser import TokenArray
from models.tokens.tokenisers import TOKENISERS

REMEDY = "make audio_features and midi_tokens again from one version of the pairs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleParts:
    """The URIs of two tables' Parquet parts; part i of both holds the same samples in order.

    Both have the columns `sample_id`, `split` and `duration_s`; `audio_features` parts also
    `features` (binary: float16, little-endian, frames x width), `frames` and `width`,
    `midi_tokens` parts `tokens` (binary: rows of the tokeniser's `dtype`). `audio` is the setting
    that all features were made with, `tokens` names the tokeniser.
    """

    audio_features: tuple[str, ...]
    midi_tokens: tuple[str, ...]
    audio: AudioFeatures
    tokens: TokenName

    def __post_init__(self) -> None:
        if len(self.audio_features) != len(self.midi_tokens):
            raise UserError(
                f"audio_features has {len(self.audio_features)} parts and midi_tokens "
                f"{len(self.midi_tokens)}; expected as many: {REMEDY}"
            )

    def __len__(self) -> int:
        return len(self.audio_features)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """What a model may see of one sample; None is what was not read.

    `audio` are audio features (float16, (frames, width)), `tokens` the notes (the tokeniser's
    `dtype`, (notes,)).
    """

    sample_id: str
    duration_s: float
    audio: NDArray[np.float16] | None
    tokens: TokenArray | None


def check_features(
    parts: ExampleParts, config: ExperimentConfig, modalities: Collection[Modality]
) -> None:
    """Refuse features that were made with other settings than `config` names: UserError.

    As many bands of other frequencies would fit a network, and mean something else to it.
    """
    differing: list[str] = []
    if "audio" in modalities and parts.audio != config.audio_features:
        made, expected = (
            features.model_dump(exclude=set(OF_NO_FEATURE))
            for features in (parts.audio, config.audio_features)
        )
        differing += [
            f"{name} {made.get(name)}, not {expected.get(name)}"
            for name in {**expected, **made}
            if made.get(name) != expected.get(name)
        ]
    if "midi" in modalities and parts.tokens != config.midi_encoder.tokens:
        differing.append(f"tokens {parts.tokens}, not {config.midi_encoder.tokens}")
    if differing:
        raise UserError(
            f"the features have other settings than the model ({', '.join(differing)}); "
            "expected the same: train it again, or choose the experiment file it was trained with"
        )


@contextmanager
def _opened(uri: str) -> Iterator[pq.ParquetFile]:
    filesystem, path = pyarrow.fs.FileSystem.from_uri(uri)
    # A buffered stream instead of whole column chunks: memory holds a data page, however large
    # a row group is.
    with pq.ParquetFile(path, filesystem=filesystem, buffer_size=1 << 20, pre_buffer=False) as part:
        yield part


def _values_where(
    wanted: NDArray[np.bool_], part: pq.ParquetFile, column: str, rows_per_read: int
) -> Iterator[pa.Scalar]:
    """Yield a column's values of the wanted rows; a row group without any is not decoded."""
    sizes = [part.metadata.row_group(group).num_rows for group in range(part.num_row_groups)]
    by_group = np.split(wanted, np.cumsum(sizes)[:-1])
    groups = [group for group, rows in enumerate(by_group) if rows.any()]
    if not groups:
        return
    decoded = np.concatenate([by_group[group] for group in groups])
    start = 0
    # One thread, because a loader's worker is a process of its own.
    for batch in part.iter_batches(
        rows_per_read, row_groups=groups, columns=[column], use_threads=False
    ):
        for row in np.flatnonzero(decoded[start : start + len(batch)]):
            yield batch.column(column)[int(row)]
        start += len(batch)


def _check_same_samples(audio_uri: str, audio: list[str], midi_uri: str, midi: list[str]) -> None:
    for ours, theirs in zip(audio, midi, strict=False):
        if ours != theirs:
            raise UserError(
                f"part {midi_uri} has sample {theirs} where {audio_uri} has {ours}; "
                f"expected the same samples in the same order: {REMEDY}"
            )
    if len(audio) != len(midi):
        shorter = midi_uri if len(midi) < len(audio) else audio_uri
        raise UserError(
            f"part {shorter} ends before its counterpart; expected as many rows: {REMEDY}"
        )


def _check_width(uri: str, widths: NDArray[np.int32], expected: int) -> None:
    if (wrong := widths[widths != expected]).size:
        raise UserError(
            f"part {uri} has audio features of width {wrong[0]}, the experiment expects "
            f"{expected}: make audio_features again with this experiment file"
        )


def read_data_file(
    parts: ExampleParts,
    index: int,
    *,
    split: str,
    modalities: Collection[Modality],
    config: ExperimentConfig,
) -> Iterator[Features]:
    """Yield the samples of `split` in part `index`, in stored order.

    Only the columns of `modalities` are read, and of those only the row groups that hold samples
    of `split`: rows are sorted by segment, so the samples of a split lie together. Raises
    UserError, naming the part, when the two tables disagree about a sample, or its audio features
    have another width.
    """
    audio_uri, midi_uri = parts.audio_features[index], parts.midi_tokens[index]
    rows_per_read = config.training.rows_per_read
    with ExitStack() as stack:
        audio = stack.enter_context(_opened(audio_uri)) if "audio" in modalities else None
        midi = stack.enter_context(_opened(midi_uri)) if "midi" in modalities else None
        tables = [table for table in (audio, midi) if table is not None]
        known = [table.read(["sample_id", "split", "duration_s"]) for table in tables]
        sample_ids = known[0]["sample_id"].to_pylist()
        if len(known) == 2:
            others = known[1]["sample_id"].to_pylist()
            _check_same_samples(audio_uri, sample_ids, midi_uri, others)
        durations_s = known[0]["duration_s"].to_numpy()
        wanted = np.array([stored == split for stored in known[0]["split"].to_pylist()], bool)
        clips = _audio_where(wanted, audio, audio_uri, config) if audio else None
        records = TOKENISERS[parts.tokens].dtype
        token_lists = _values_where(wanted, midi, "tokens", rows_per_read) if midi else None
        for row in np.flatnonzero(wanted):
            yield Features(
                sample_id=sample_ids[row],
                duration_s=float(durations_s[row]),
                audio=None if clips is None else next(clips),
                tokens=(
                    None
                    if token_lists is None
                    else np.frombuffer(next(token_lists).as_buffer(), records)
                ),
            )


def _audio_where(
    wanted: NDArray[np.bool_], part: pq.ParquetFile, uri: str, config: ExperimentConfig
) -> Iterator[NDArray[np.float16]]:
    shapes = part.read(["frames", "width"])
    frames = shapes["frames"].to_numpy()[wanted]
    width = config.audio_features.width
    _check_width(uri, shapes["width"].to_numpy()[wanted], width)
    values = _values_where(wanted, part, "features", config.training.rows_per_read)
    for count, value in zip(frames, values, strict=True):
        yield np.frombuffer(value.as_buffer(), "<f2").reshape(count, width)


def rows_of_split(parts: ExampleParts, modality: Modality, split: str) -> list[int]:
    """Return how many samples of a split each part holds, from one small column."""
    uris = parts.audio_features if modality == "audio" else parts.midi_tokens
    counts = []
    for uri in uris:
        with _opened(uri) as part:
            splits = part.read(["split"], use_threads=False)["split"].to_pylist()
        counts.append(splits.count(split))
    return counts
