"""Feature tables read row by row: Parquet parts in, examples out, a little at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from numpy.typing import NDArray

from degradation.errors import UserError
from models.config import ExperimentConfig, MelConfig, Modality
from models.tokens import TOKEN_DTYPE, TokenArray

REMEDY = "make audio_features and midi_tokens again from one version of the pairs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleParts:
    """The URIs of two tables' Parquet parts; part i of both holds the same samples in order.

    `audio_features` parts have at least the columns `sample_id`, `split`, `log_mel` (binary:
    float16, little-endian, frames x bands), `frames` and `bands`; `midi_tokens` parts
    `sample_id` and `tokens` (binary: rows of `TOKEN_DTYPE`). `mel` is the setting that all
    spectrograms were made with.
    """

    audio_features: tuple[str, ...]
    midi_tokens: tuple[str, ...]
    mel: MelConfig

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
    """What a model may see of one sample.

    `mel_frames` is the length of the sample's spectrogram, known even where `log_mel` (float16,
    (mel_frames, bands)) is not read; `tokens` has `TOKEN_DTYPE`.
    """

    sample_id: str
    mel_frames: int
    log_mel: NDArray[np.float16] | None
    tokens: TokenArray | None


def check_mel(parts: ExampleParts, config: ExperimentConfig) -> None:
    """Refuse features that were made with other mel settings than `config` names: UserError.

    As many bands of other frequencies would fit a network, and mean something else to it.
    """
    made, expected = parts.mel.model_dump(), config.mel.model_dump()
    differing = [
        f"{name} {made[name]}, not {expected[name]}"
        for name in expected
        if made[name] != expected[name]
    ]
    if differing:
        raise UserError(
            f"the audio features have other mel settings than the model ({', '.join(differing)}); "
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


def read_part(
    parts: ExampleParts,
    index: int,
    *,
    split: str,
    modalities: frozenset[Modality],
    config: ExperimentConfig,
) -> Iterator[Features]:
    """Yield the samples of `split` in part `index`, in stored order.

    Only the columns of `modalities` are read, and of those only the row groups that hold samples
    of `split`: rows are sorted by segment, so the samples of a split lie together. Raises
    UserError, naming the part, when the two tables disagree about a sample, or its spectrograms
    have another number of bands.
    """
    audio_uri, midi_uri = parts.audio_features[index], parts.midi_tokens[index]
    rows_per_read = config.training.rows_per_read
    with _opened(audio_uri) as audio, _opened(midi_uri) as midi:
        known = audio.read(["sample_id", "split", "frames", "bands"], use_threads=False)
        sample_ids = known["sample_id"].to_pylist()
        others = midi.read(["sample_id"], use_threads=False)["sample_id"].to_pylist()
        _check_same_samples(audio_uri, sample_ids, midi_uri, others)
        wanted = np.array([stored == split for stored in known["split"].to_pylist()], bool)
        frames, bands = known["frames"].to_numpy(), known["bands"].to_numpy()
        if (wrong := bands[wanted & (bands != config.mel.bands)]).size:
            raise UserError(
                f"part {audio_uri} has {wrong[0]} mel bands, the experiment expects "
                f"{config.mel.bands}: make audio_features again with this experiment file"
            )
        log_mels = _values_where(wanted, audio, "log_mel", rows_per_read)
        token_lists = _values_where(wanted, midi, "tokens", rows_per_read)
        for row in np.flatnonzero(wanted):
            yield Features(
                sample_id=sample_ids[row],
                mel_frames=int(frames[row]),
                log_mel=(
                    np.frombuffer(next(log_mels).as_buffer(), "<f2").reshape(
                        frames[row], bands[row]
                    )
                    if "audio" in modalities
                    else None
                ),
                tokens=(
                    np.frombuffer(next(token_lists).as_buffer(), TOKEN_DTYPE)
                    if "midi" in modalities
                    else None
                ),
            )
