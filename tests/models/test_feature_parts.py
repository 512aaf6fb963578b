"""Feature tables made from shards: what the assets call, part by part."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from degradation.waveform import Waveform
from models.config.audio import AudioFeatures, MertFeatures
from models.config.experiment import ExperimentConfig
from models.feature_parts import (
    FeaturesTask,
    audio_features,
    audio_features_version,
    write_audio_features_part,
)
from storage.audio import decode_audio, encode_flac
from storage.schema import AUDIO_FEATURES, PAIRS
from storage.tables import Table, part_path, read_part, write_part
from tests.models.test_mert import TinyMert, tiny_mert

__all__ = ["tiny_mert"]

RATE_HZ = 24_000
PARTITION = {"tier": "good", "year": "2004"}


def clip(number: int) -> Waveform:
    samples = 0.1 * np.random.default_rng(number).standard_normal(2 * RATE_HZ)
    return Waveform(samples=samples.astype(np.float32), sample_rate_hz=RATE_HZ)


@pytest.fixture
def task(tmp_path: Path) -> FeaturesTask:
    pairs = Table(url=str(tmp_path / "pairs"), schema=PAIRS, partition_by=("tier", "year"))
    rows = [
        {
            "sample_id": f"s{number}",
            "split": "train",
            "tier": "good",
            "year": 2004,
            "duration_s": 2.0,
            "audio": {"bytes": encode_flac(clip(number)), "path": f"s{number}.flac"},
        }
        for number in range(5)
    ]
    path = part_path(pairs, PARTITION, "shard")
    write_part(pairs, path, [pa.Table.from_pylist(rows, schema=PAIRS)])
    return FeaturesTask(
        pairs=pairs,
        target=Table(
            url=str(tmp_path / "features"), schema=AUDIO_FEATURES, partition_by=("tier", "year")
        ),
        path=path,
        audio=MertFeatures(
            kind="mert",
            source="",
            revision=None,
            layers=(5, 6, 7),
            width=16,
            frame_rate_hz=25,
            clips_per_batch=2,
        ),
        tokens="performance",
    )


def with_audio(task: FeaturesTask, audio: AudioFeatures) -> FeaturesTask:
    return FeaturesTask(
        pairs=task.pairs, target=task.target, path=task.path, audio=audio, tokens=task.tokens
    )


def test_states_of_mert_are_cached_once_in_half_precision(
    task: FeaturesTask, tiny_mert: TinyMert, tmp_path: Path
) -> None:
    audio = task.audio.model_copy(update={"source": str(tiny_mert(tmp_path / "mert"))})
    task = with_audio(task, audio)
    part = write_audio_features_part(task)
    (rows,) = read_part(task.target, part.path)
    clips = [decode_audio(encode_flac(clip(number)), "clip") for number in range(5)]
    for row, expected in zip(rows.to_pylist(), audio_features(clips, audio), strict=True):
        stored = np.frombuffer(row["features"], "<f2").reshape(row["frames"], row["width"])
        assert stored.shape == (50, 16)
        np.testing.assert_array_equal(stored, expected)
    file = tmp_path / "features" / part.path
    before = file.stat().st_mtime_ns
    assert write_audio_features_part(task) == part
    assert file.stat().st_mtime_ns == before


def test_a_row_that_repeats_another_has_no_features(
    task: FeaturesTask, demo_config: ExperimentConfig
) -> None:
    (rows,) = read_part(task.pairs, task.path)
    marks = pa.array([None, "s0", None, "s0", None], pa.string())
    at = rows.schema.get_field_index("duplicate_of")
    write_part(task.pairs, task.path, [rows.set_column(at, rows.schema.field(at), marks)])
    task = with_audio(task, demo_config.audio_features)
    (features,) = read_part(task.target, write_audio_features_part(task).path)
    assert features["sample_id"].to_pylist() == ["s0", "s2", "s4"]


def test_features_are_named_by_what_they_follow_from(
    task: FeaturesTask, tiny_mert: TinyMert, tmp_path: Path, demo_config: ExperimentConfig
) -> None:
    here = task.audio.model_copy(update={"source": str(tiny_mert(tmp_path / "here"))})
    moved = here.model_copy(
        update={"source": str(tiny_mert(tmp_path / "there")), "clips_per_batch": 7}
    )
    other = here.model_copy(update={"source": str(tiny_mert(tmp_path / "other", seed=4))})
    slower = here.model_copy(update={"frame_rate_hz": 5})
    versions = [audio_features_version(audio) for audio in (here, moved, other, slower)]
    assert versions[0] == versions[1]
    assert len({*versions, audio_features_version(demo_config.audio_features)}) == 4
