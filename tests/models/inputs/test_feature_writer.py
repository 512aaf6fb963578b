"""Feature tables made from shards: what the assets call, part by part."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, Performance
from degradation.waveform import Waveform
from labeling.measures import measure_plainly
from models.config.audio import AudioFeatures, MertFeatures
from models.config.experiment import ExperimentConfig
from models.config.hearing import DetectorConfig
from models.hearing.detector import NoteDetector
from models.hearing.hear import hear
from models.hearing.trained import TrainedDetector
from models.inputs.feature_writer import (
    FeaturesTask,
    audio_features,
    audio_features_version,
    write_audio_features,
    write_midi_tokens,
)
from models.tokens.performance import PERFORMANCE_DTYPE, performance_tokens
from storage.audio import decode_audio, encode_flac
from storage.midi import write_midi
from storage.schema import AUDIO_FEATURES, MIDI_TOKENS, PAIRS
from storage.tables import Table, data_file_path, read_data_file, write_data_file
from tests.models.inputs.test_mert import TinyMert, tiny_mert

__all__ = ["tiny_mert"]

RATE_HZ = 24_000
PARTITION = {"tier": "good", "year": "2004"}
ONE_NOTE = Performance(
    notes=np.array([(0, 0.5, 1.0, 60, 64)], NOTE_DTYPE),
    pedal=np.empty(0, PEDAL_DTYPE),
    duration_s=2.0,
)


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
            "midi": {"bytes": write_midi(ONE_NOTE), "path": f"s{number}.mid"},
            "audio": {"bytes": encode_flac(clip(number)), "path": f"s{number}.flac"},
        }
        for number in range(5)
    ]
    path = data_file_path(pairs, PARTITION, "shard")
    write_data_file(pairs, path, [pa.Table.from_pylist(rows, schema=PAIRS)])
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
        detector=None,
    )


def with_audio(task: FeaturesTask, audio: AudioFeatures) -> FeaturesTask:
    return replace(task, audio=audio)


def test_states_of_mert_are_cached_once_in_half_precision(
    task: FeaturesTask, tiny_mert: TinyMert, tmp_path: Path
) -> None:
    audio = task.audio.model_copy(update={"source": str(tiny_mert(tmp_path / "mert"))})
    task = with_audio(task, audio)
    part = write_audio_features(task)
    (rows,) = read_data_file(task.target, part.path)
    clips = [decode_audio(encode_flac(clip(number)), "clip") for number in range(5)]
    for row, expected in zip(rows.to_pylist(), audio_features(clips, audio), strict=True):
        stored = np.frombuffer(row["features"], "<f2").reshape(row["frames"], row["width"])
        assert stored.shape == (50, 16)
        np.testing.assert_array_equal(stored, expected)
    file = tmp_path / "features" / part.path
    before = file.stat().st_mtime_ns
    assert write_audio_features(task) == part
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("repeats", [{"s1", "s4"}, {f"s{number}" for number in range(5)}])
def test_rows_that_repeat_another_have_no_features(
    task: FeaturesTask, demo_config: ExperimentConfig, repeats: set[str]
) -> None:
    (rows,) = read_data_file(task.pairs, task.path)
    marks = ["s0" if name in repeats else None for name in rows["sample_id"].to_pylist()]
    place = rows.schema.get_field_index("duplicate_of")
    marked = rows.set_column(place, rows.schema.field(place), pa.array(marks, pa.string()))
    write_data_file(task.pairs, task.path, [marked])
    audio = write_audio_features(with_audio(task, demo_config.audio_features))
    tokens_table = Table(url=f"{task.target.url}-tokens", schema=MIDI_TOKENS)
    midi = write_midi_tokens(replace(task, target=tokens_table))
    for table, part in ((task.target, audio), (tokens_table, midi)):
        found = pa.concat_tables(read_data_file(table, part.path))["sample_id"].to_pylist()
        assert found == sorted({f"s{number}" for number in range(5)} - repeats)
        assert part.rows == len(found)


def test_what_a_detector_hears_is_stored_and_names_the_part(
    task: FeaturesTask, demo_config: ExperimentConfig, tmp_path: Path
) -> None:
    config = DetectorConfig(key_channels=2, context_width=4, context_blocks=0)
    torch.manual_seed(1)
    detector = NoteDetector(config).eval()
    torch.nn.init.zeros_(detector.heads.bias)  # it hears much in noise
    torch.save(detector.state_dict(), tmp_path / "detector.pt")
    trained = TrainedDetector(checkpoint=tmp_path / "detector.pt", weights="a", config=config)
    deaf = with_audio(task, demo_config.audio_features)
    hears = replace(deaf, detector=trained)
    parts = [write_audio_features(one) for one in (deaf, hears)]
    (without,), (rows,) = (read_data_file(task.target, part.path) for part in parts)
    assert set(without["heard"].to_pylist()) == {None}
    assert rows["features"] == without["features"]
    sounds = [decode_audio(encode_flac(clip(number)), "clip") for number in range(5)]
    for row, heard in zip(rows.to_pylist(), hear(sounds, detector), strict=True):
        stored = np.frombuffer(row["heard"], PERFORMANCE_DTYPE)
        np.testing.assert_array_equal(stored, performance_tokens(heard))
        np.testing.assert_allclose(row["heard_measures"], measure_plainly(heard))
        assert len(stored) > 10
    audio = demo_config.audio_features
    versions = {
        audio_features_version(audio, tokens, heard_by)
        for tokens, heard_by in (
            ("performance", None),
            ("performance", trained),
            ("octuple", trained),
            ("performance", replace(trained, weights="b")),
        )
    }
    assert len(versions) == 4


def test_features_are_named_by_what_they_follow_from(
    task: FeaturesTask, tiny_mert: TinyMert, tmp_path: Path, demo_config: ExperimentConfig
) -> None:
    here = task.audio.model_copy(update={"source": str(tiny_mert(tmp_path / "here"))})
    moved = here.model_copy(
        update={"source": str(tiny_mert(tmp_path / "there")), "clips_per_batch": 7}
    )
    other = here.model_copy(update={"source": str(tiny_mert(tmp_path / "other", seed=4))})
    slower = here.model_copy(update={"frame_rate_hz": 5})
    versions = [
        audio_features_version(audio, "performance", None) for audio in (here, moved, other, slower)
    ]
    assert versions[0] == versions[1]
    assert (
        len({*versions, audio_features_version(demo_config.audio_features, "performance", None)})
        == 4
    )
