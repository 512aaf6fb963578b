"""Feature tables read row by row: Parquet parts in, examples out, a little at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from numpy.typing import NDArray

from degradation.errors import UserError
from models.config import ExperimentConfig, Modality
from models.tokens import TOKEN_DTYPE, TokenArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleParts:
    """The URIs of two tables' Parquet parts; part i of both holds the same samples in order.

    `audio_features` parts have at least the columns `sample_id`, `split`, `log_mel` (binary:
    float16, little-endian, frames x bands), `frames` and `bands`; `midi_tokens` parts
    `sample_id` and `tokens` (binary: rows of `TOKEN_DTYPE`).
    """

    audio_features: tuple[str, ...]
    midi_tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.audio_features) != len(self.midi_tokens):
            raise UserError(
                f"audio_features has {len(self.audio_features)} parts and midi_tokens "
                f"{len(self.midi_tokens)}; expected as many: make both again from one version of "
                "the pairs"
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


def _rows(uri: str, columns: Sequence[str], rows_per_read: int) -> Iterator[tuple[Any, ...]]:
    """Yield a part's rows as tuples of Arrow scalars, decoding `rows_per_read` at a time."""
    filesystem, path = pyarrow.fs.FileSystem.from_uri(uri)
    # A buffered stream instead of whole column chunks: memory holds a data page, however large
    # a row group is. One thread, because a loader's worker is a process of its own.
    with pq.ParquetFile(path, filesystem=filesystem, buffer_size=1 << 20, pre_buffer=False) as part:
        for batch in part.iter_batches(rows_per_read, columns=list(columns), use_threads=False):
            yield from zip(*(batch.column(name) for name in columns), strict=True)


def _log_mel(stored: pa.Scalar, frames: int, bands: int) -> NDArray[np.float16]:
    return np.frombuffer(stored.as_buffer(), dtype="<f2").reshape(frames, bands)


def read_part(
    parts: ExampleParts,
    index: int,
    *,
    split: str,
    modalities: frozenset[Modality],
    config: ExperimentConfig,
) -> Iterator[Features]:
    """Yield the samples of `split` in part `index`, in stored order.

    Only the columns of `modalities` are read. Raises UserError, naming the part, when the
    two tables disagree about a sample, or the features were made with another mel setting.
    """
    audio_uri, midi_uri = parts.audio_features[index], parts.midi_tokens[index]
    audio_columns = ["sample_id", "split", "frames", "bands"]
    midi_columns = ["sample_id"]
    audio_columns += ["log_mel"] if "audio" in modalities else []
    midi_columns += ["tokens"] if "midi" in modalities else []
    rows_per_read = config.training.rows_per_read
    audio_rows = _rows(audio_uri, audio_columns, rows_per_read)
    midi_rows = _rows(midi_uri, midi_columns, rows_per_read)
    remedy = "make audio_features and midi_tokens again from one version of the pairs"
    while True:
        audio, midi = next(audio_rows, None), next(midi_rows, None)
        if audio is None and midi is None:
            return
        if audio is None or midi is None:
            shorter = midi_uri if midi is None else audio_uri
            raise UserError(
                f"part {shorter} ends before its counterpart; expected as many rows: {remedy}"
            )
        sample_id, stored_split, frames, bands = (value.as_py() for value in audio[:4])
        if sample_id != midi[0].as_py():
            raise UserError(
                f"part {midi_uri} has sample {midi[0].as_py()} where {audio_uri} has {sample_id}; "
                f"expected the same samples in the same order: {remedy}"
            )
        if stored_split != split:
            continue
        if bands != config.mel.bands:
            raise UserError(
                f"part {audio_uri} has {bands} mel bands, the experiment expects "
                f"{config.mel.bands}: make audio_features again with this experiment file"
            )
        yield Features(
            sample_id=sample_id,
            mel_frames=frames,
            log_mel=_log_mel(audio[4], frames, bands) if "audio" in modalities else None,
            tokens=(
                np.frombuffer(midi[1].as_buffer(), dtype=TOKEN_DTYPE)
                if "midi" in modalities
                else None
            ),
        )
