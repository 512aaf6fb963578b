import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from degradation.errors import UserError
from models.config import ExperimentConfig
from models.parts import ExampleParts, Features, read_part

BOTH = frozenset({"audio", "midi"})
Rewrite = Callable[[str, Callable[[pd.DataFrame], pd.DataFrame]], str]


def read(parts: ExampleParts, config: ExperimentConfig, split: str = "train") -> list[Features]:
    return list(read_part(parts, 1, split=split, modalities=BOTH, config=config))  # type: ignore[arg-type]


def test_features_come_back_as_they_were_stored(corpus, tiny_config) -> None:
    first = read(corpus.parts, tiny_config)[0]
    stored = pd.read_parquet(corpus.parts.audio_features[1]).iloc[0]
    assert first.sample_id == stored["sample_id"]
    assert first.log_mel is not None
    assert first.log_mel.tobytes() == stored["log_mel"]
    assert first.log_mel.shape == (stored["frames"], stored["bands"])
    assert first.tokens is not None
    assert first.tokens.tobytes() == pd.read_parquet(corpus.parts.midi_tokens[1]).iloc[0]["tokens"]


def test_only_the_asked_for_modality_is_read(corpus, tiny_config) -> None:
    audio = next(read_part(corpus.parts, 0, split="train", modalities=frozenset({"audio"}),
                           config=tiny_config))  # fmt: skip
    midi = next(read_part(corpus.parts, 0, split="train", modalities=frozenset({"midi"}),
                          config=tiny_config))  # fmt: skip
    assert audio.tokens is None
    assert midi.log_mel is None
    assert midi.mel_frames == audio.mel_frames > 0


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
    with pytest.raises(UserError, match=r"changed-midi-good.*ends before"):
        read(parts, tiny_config)


def test_features_of_another_setting_are_refused(corpus, demo_config) -> None:
    with pytest.raises(UserError, match="8 mel bands, the experiment expects 64"):
        read(corpus.parts, demo_config)


def test_tables_need_as_many_parts() -> None:
    with pytest.raises(UserError, match="2 parts and midi_tokens 1"):
        ExampleParts(audio_features=("a", "b"), midi_tokens=("a",))


def test_reading_holds_a_few_rows_at_a_time(tiny_config, tmp_path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    frames, bands, rows = 2000, tiny_config.mel.bands, 600
    # 600 rows x 32 kB = 19 MB in one row group
    clip = np.random.default_rng(0).normal(size=(frames, bands)).astype("<f2").tobytes()
    where = {"sample_id": [f"s{i}" for i in range(rows)], "split": ["train"] * rows}
    audio = {**where, "log_mel": [clip] * rows, "frames": [frames] * rows, "bands": [bands] * rows}
    pq.write_table(
        pa.table(audio), tmp_path / "a.parquet", use_dictionary=False, write_batch_size=16
    )
    pq.write_table(pa.table({**where, "tokens": [b""] * rows}), tmp_path / "m.parquet")
    parts = ExampleParts(
        audio_features=((tmp_path / "a.parquet").as_uri(),),
        midi_tokens=((tmp_path / "m.parquet").as_uri(),),
    )
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    held = [
        pool.bytes_allocated() - before
        for _ in read_part(parts, 0, split="train", modalities=BOTH, config=tiny_config)  # type: ignore[arg-type]
    ]
    assert len(held) == rows
    assert max(held) < 8e6
