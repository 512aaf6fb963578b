"""Feature tables read row by row: Parquet parts in, examples out, a little at a time."""

import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from degradation.errors import UserError
from models.config.audio import OF_NO_FEATURE, AudioFeatures
from models.config.experiment import ExperimentConfig, Modality
from models.config.midi import TokenName
from models.hearing.trained import TrainedDetector
from models.tokens.tokeniser import TokenArray
from models.tokens.tokenisers import TOKENISERS
from storage.files import filesystem

REMEDY = "make audio_features and midi_tokens again from one version of the pairs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleParts:
    """The URIs of two tables' Parquet parts; part i of both holds the same samples in order.

    Both have the columns `sample_id`, `split` and `duration_s`; `audio_features` parts also
    `features` (binary: float16, little-endian, frames x width), `frames`, `width` and, with a
    detector, `heard` and `heard_measures`, `midi_tokens` parts `tokens` (binary: rows of the
    tokeniser's `dtype`, as `heard`) and `measures`. `audio` is the setting that all features were
    made with, `tokens` names the tokeniser, `detector` is what heard notes in the sound.
    """

    audio_features: tuple[str, ...]
    midi_tokens: tuple[str, ...]
    audio: AudioFeatures
    tokens: TokenName
    detector: TrainedDetector | None = None

    def __post_init__(self) -> None:
        if len(self.audio_features) != len(self.midi_tokens):
            raise UserError(
                f"audio_features has {len(self.audio_features)} parts and midi_tokens "
                f"{len(self.midi_tokens)}; expected as many: {REMEDY}"
            )

    def __len__(self) -> int:
        return len(self.audio_features)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NoteFeatures:
    """Notes as `tokens` (the tokeniser's `dtype`, (notes,)), and plain `measures` of them.

    Measures are float32, NaN where undefined.
    """

    tokens: TokenArray
    measures: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """What a model may see of one sample; None is what was not read.

    `audio` are audio features (float16, (frames, width)), `notes` those that were played, `heard`
    those that a detector hears in the sound.
    """

    sample_id: str
    duration_s: float
    audio: NDArray[np.float16] | None
    notes: NoteFeatures | None
    heard: NoteFeatures | None = None


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
    hearing = config.hearing and config.hearing.detector
    heard_by = parts.detector and parts.detector.config
    if "audio" in modalities and heard_by != hearing:
        differing.append(f"notes heard by the detector {heard_by}, not {hearing}")
    reads_notes = "midi" in modalities or ("audio" in modalities and parts.detector)
    if reads_notes and parts.tokens != config.midi_encoder.tokens:
        differing.append(f"tokens {parts.tokens}, not {config.midi_encoder.tokens}")
    if differing:
        raise UserError(
            f"the features have other settings than the model ({', '.join(differing)}); "
            "expected the same: train it again, or choose the experiment file it was trained with"
        )


@contextmanager
def _opened(uri: str) -> Iterator[pq.ParquetFile]:
    files, path = filesystem(uri)
    # A buffered stream instead of whole column chunks: memory holds a data page, however large
    # a row group is.
    with pq.ParquetFile(path, filesystem=files, buffer_size=1 << 20, pre_buffer=False) as part:
        yield part


def _rows(
    uri: str, split: str, columns: Sequence[str], rows_per_read: int
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a split in stored order; a row group without any is not decoded."""
    with _opened(uri) as part:
        groups = [
            group
            for group in range(part.num_row_groups)
            if split in part.read_row_group(group, ["split"])["split"].to_pylist()
        ]
        if not groups:
            return
        read = ["sample_id", "split", "duration_s", *columns]
        # One thread, because a loader's worker is a process of its own.
        for batch in part.iter_batches(
            rows_per_read, row_groups=groups, columns=read, use_threads=False
        ):
            yield from batch.filter(pc.equal(batch["split"], split)).to_pylist()


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
    UserError, naming the part, when the two tables disagree about a sample.
    """
    rows_per_read, records = config.training.rows_per_read, TOKENISERS[parts.tokens].dtype

    def notes_of(tokens: bytes, measures: list[float | None]) -> NoteFeatures:
        return NoteFeatures(
            tokens=np.frombuffer(tokens, records), measures=np.array(measures, np.float32)
        )

    uris, tables = [], []
    if "audio" in modalities:
        uris.append(parts.audio_features[index])
        columns = ["features", "frames", "width"]
        columns += ["heard", "heard_measures"] if parts.detector else []
        tables.append(_rows(uris[-1], split, columns, rows_per_read))
    if "midi" in modalities:
        uris.append(parts.midi_tokens[index])
        tables.append(_rows(uris[-1], split, ["tokens", "measures"], rows_per_read))
    for rows in itertools.zip_longest(*tables, fillvalue={}):
        found = [row.get("sample_id", "no more") for row in rows]
        if found[0] != found[-1]:
            raise UserError(
                f"part {uris[1]} has sample {found[1]} where {uris[0]} has {found[0]}; "
                f"expected the same samples in the same order: {REMEDY}"
            )
        row = {name: value for row in rows for name, value in row.items()}
        audio = notes = heard = None
        if "audio" in modalities:
            audio = np.frombuffer(row["features"], "<f2").reshape(row["frames"], row["width"])
            if parts.detector:
                heard = notes_of(row["heard"], row["heard_measures"])
        if "midi" in modalities:
            notes = notes_of(row["tokens"], row["measures"])
        yield Features(
            sample_id=row["sample_id"],
            duration_s=row["duration_s"],
            audio=audio,
            notes=notes,
            heard=heard,
        )


def rows_of_split(parts: ExampleParts, modality: Modality, split: str) -> list[int]:
    """Return how many samples of a split each part holds, from one small column."""
    uris = parts.audio_features if modality == "audio" else parts.midi_tokens
    counts = []
    for uri in uris:
        with _opened(uri) as part:
            splits = part.read(["split"], use_threads=False)["split"].to_pylist()
        counts.append(splits.count(split))
    return counts
