import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from degradation.errors import UserError
from models.config.experiment import ExperimentConfig
from models.inputs.feature_reader import ExampleParts, Features, read_data_file, rows_of_split

BOTH = frozenset({"audio", "midi"})
Rewrite = Callable[[str, Callable[[pd.DataFrame], pd.DataFrame]], str]


def read(parts: ExampleParts, config: ExperimentConfig, split: str = "train") -> list[Features]:
    return list(read_data_file(parts, 1, split=split, modalities=BOTH, config=config))  # type: ignore[arg-type]


def test_features_come_back_as_they_were_stored(corpus, tiny_config) -> None:
    first = read(corpus.parts, tiny_config)[0]
    stored = pd.read_parquet(corpus.parts.audio_features[1]).iloc[0]
    assert first.sample_id == stored["sample_id"]
    assert first.duration_s == stored["duration_s"]
    assert first.audio is not None
    assert first.audio.tobytes() == stored["features"]
    assert first.audio.shape == (stored["frames"], stored["width"])
    notes = pd.read_parquet(corpus.parts.midi_tokens[1]).iloc[0]
    assert first.notes is not None
    assert first.notes.tokens.tobytes() == notes["tokens"]
    assert np.array_equal(first.notes.measures, notes["measures"], equal_nan=True)


def test_only_the_asked_for_modality_is_read(corpus, tiny_config) -> None:
    audio = next(read_data_file(corpus.parts, 0, split="train", modalities=frozenset({"audio"}),
                           config=tiny_config))  # fmt: skip
    midi = next(read_data_file(corpus.parts, 0, split="train", modalities=frozenset({"midi"}),
                          config=tiny_config))  # fmt: skip
    assert audio.notes is None
    assert midi.audio is None
    assert midi.duration_s == audio.duration_s > 0


def test_one_modality_needs_no_table_of_the_other(corpus, tiny_config) -> None:
    gone = tuple("file:///nowhere.parquet" for _ in corpus.parts.midi_tokens)
    parts = dataclasses.replace(corpus.parts, midi_tokens=gone)
    found = read_data_file(parts, 0, split="train", modalities={"audio"}, config=tiny_config)
    assert len(list(found)) == 12


def test_rows_of_a_split_are_counted(corpus) -> None:
    for modality in ("audio", "midi"):
        assert rows_of_split(corpus.parts, modality, "train") == [12] * 4  # type: ignore[arg-type]
        assert rows_of_split(corpus.parts, modality, "test") == [4] * 4  # type: ignore[arg-type]


def test_tables_that_disagree_are_refused(corpus, tiny_config, rewrite_part: Rewrite) -> None:
    swapped = rewrite_part(corpus.parts.midi_tokens[1], lambda table: table.iloc[::-1])
    parts = dataclasses.replace(
        corpus.parts,
        midi_tokens=(corpus.parts.midi_tokens[0], swapped, *corpus.parts.midi_tokens[2:]),
    )
    with pytest.raises(UserError, match=r"changed-midi-good.*expected the same samples"):
        read(parts, tiny_config)


def test_a_short_table_is_refused(corpus, tiny_config, rewrite_part: Rewrite) -> None:
    short = rewrite_part(corpus.parts.midi_tokens[1], lambda table: table.iloc[:-1])
    parts = dataclasses.replace(
        corpus.parts,
        midi_tokens=(corpus.parts.midi_tokens[0], short, *corpus.parts.midi_tokens[2:]),
    )
    with pytest.raises(UserError, match=r"changed-midi-good.* has sample no more where"):
        read(parts, tiny_config, "test")


def test_tables_need_as_many_parts(demo_config) -> None:
    with pytest.raises(UserError, match="2 parts and midi_tokens 1"):
        ExampleParts(
            audio_features=("a", "b"),
            midi_tokens=("a",),
            audio=demo_config.audio_features,
            tokens="performance",
        )


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("rows_per_read", [1, 3, 100])
def test_every_row_of_a_split_comes_once_with_its_own_features(
    corpus, tiny_config, split: str, rows_per_read: int
) -> None:
    training = tiny_config.training.model_copy(update={"rows_per_read": rows_per_read})
    config = tiny_config.model_copy(update={"training": training})
    found = read(corpus.parts, config, split)
    audio = pd.read_parquet(corpus.parts.audio_features[1]).query("split == @split")
    midi = pd.read_parquet(corpus.parts.midi_tokens[1]).query("split == @split")
    assert [one.sample_id for one in found] == list(audio["sample_id"])
    assert [one.audio.tobytes() for one in found] == list(audio["features"])  # type: ignore[union-attr]
    assert [one.notes.tokens.tobytes() for one in found] == list(midi["tokens"])  # type: ignore[union-attr]


def test_row_groups_without_the_split_are_not_decoded(corpus, tiny_config, tmp_path) -> None:
    parts = []
    for name, uri in (("features", corpus.parts.audio_features[1]),
                      ("tokens", corpus.parts.midi_tokens[1])):  # fmt: skip
        rows = pd.read_parquet(uri).sort_values(["split", "sample_id"])  # test, train, validation
        path = tmp_path / f"{name}.parquet"
        table = pa.Table.from_pandas(rows, preserve_index=False)
        pq.write_table(table, path, row_group_size=4)
        described = pq.read_metadata(path)
        content = bytearray(path.read_bytes())
        for group in range(described.num_row_groups - 1):  # all but that of validation
            chunk = described.row_group(group).column(table.column_names.index(name))
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            content[start : start + chunk.total_compressed_size] = bytes(
                chunk.total_compressed_size
            )
        path.write_bytes(content)
        parts.append((path.as_uri(),))
    broken = dataclasses.replace(corpus.parts, audio_features=parts[0], midi_tokens=parts[1])
    found = list(read_data_file(broken, 0, split="validation", modalities=BOTH, config=tiny_config))  # type: ignore[arg-type]
    assert [one.sample_id for one in found] == [
        one.sample_id for one in read(corpus.parts, tiny_config, "validation")
    ]
    with pytest.raises(OSError, match="page header"):
        list(read_data_file(broken, 0, split="test", modalities=BOTH, config=tiny_config))  # type: ignore[arg-type]


def test_reading_holds_a_few_rows_at_a_time(tiny_config, tmp_path) -> None:
    frames, width, rows = 2000, tiny_config.audio_features.width, 600
    # 600 rows x 32 kB = 19 MB in one row group
    clip = np.random.default_rng(0).normal(size=(frames, width)).astype("<f2").tobytes()
    where = {
        "sample_id": [f"s{i}" for i in range(rows)],
        "split": ["train"] * rows,
        "duration_s": [100.0] * rows,
    }
    audio = {**where, "features": [clip] * rows, "frames": [frames] * rows, "width": [width] * rows}
    pq.write_table(
        pa.table(audio), tmp_path / "a.parquet", use_dictionary=False, write_batch_size=16
    )
    pq.write_table(
        pa.table({**where, "tokens": [b""] * rows, "measures": [[]] * rows}), tmp_path / "m.parquet"
    )
    parts = ExampleParts(
        audio_features=((tmp_path / "a.parquet").as_uri(),),
        midi_tokens=((tmp_path / "m.parquet").as_uri(),),
        audio=tiny_config.audio_features,
        tokens="performance",
    )
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    held = [
        pool.bytes_allocated() - before
        for _ in read_data_file(parts, 0, split="train", modalities=BOTH, config=tiny_config)  # type: ignore[arg-type]
    ]
    assert len(held) == rows
    assert max(held) < 8e6
