import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_DTYPE,
    SUSTAIN,
    Performance,
    release_before_restrike,
    snap,
)
from degradation.seeds import stream
from labeling.measures import PLAIN
from labeling.scores import DIMENSIONS
from models.config.experiment import ExperimentConfig
from models.inputs.feature_reader import ExampleParts
from models.tokens.tokenisers import TOKENISERS

DURATION_S = 3.0
TIERS = {"pristine": (95, 100), "good": (80, 95), "moderate": (65, 80), "poor": (50, 65)}


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Synthetic features in which the noise floor and the jitter follow the tier."""

    parts: ExampleParts
    samples: pd.DataFrame


def synthetic_corpus(
    folder: Path, config: ExperimentConfig, *, per_part: int, compositions: int
) -> Corpus:
    rng = np.random.default_rng(5)
    folder.mkdir(parents=True)
    rows, audio_uris, midi_uris = [], [], []
    width = config.audio_features.width
    frames = int(DURATION_S * config.audio_features.frame_rate_hz)
    encoded = TOKENISERS["performance"].dtype
    for number, (tier, (low, high)) in enumerate(TIERS.items()):
        audio, midi = [], []
        for index in range(per_part):
            sample_id = f"{tier}-{index:03d}"
            split = ("train", "train", "train", "validation", "test")[index % 5]
            composition = f"piece {split} {index % compositions}"
            scores = rng.uniform(low, high, len(DIMENSIONS))
            audio_clip = rng.normal(-90 + 12 * number, 3, (frames, width)).astype("<f2")
            tokens = np.zeros(int(rng.integers(3, 12)), encoded)
            jitter_s = rng.normal(0, 0.03 * number, len(tokens))
            tokens["onset_s"] = np.sort(np.clip(np.arange(len(tokens)) * 0.25 + jitter_s, 0, 2.99))
            tokens["duration_s"] = tokens["sounding_s"] = 0.2
            tokens["pitch"] = rng.integers(40, 80, len(tokens))
            tokens["velocity"] = 64 + rng.integers(-8, 8, len(tokens)) * (4 - number)
            where = {"sample_id": sample_id, "split": split, "duration_s": DURATION_S}
            size = {"frames": np.int32(frames), "width": np.int32(width)}
            audio.append({**where, "features": audio_clip.tobytes(), **size})
            notes = {"tokens": tokens.tobytes(), "notes": np.int32(len(tokens))}
            measures = stream(number, sample_id).normal(number, 1, len(PLAIN)).astype("<f4")
            measures[index % len(PLAIN)] = np.nan
            midi.append({**where, **notes, "measures": measures})
            rows.append(
                {
                    "sample_id": sample_id,
                    "split": split,
                    "tier": tier,
                    "composition": composition,
                    "segment_id": f"segment {index}",
                    **dict(zip(DIMENSIONS, scores, strict=True)),
                }
            )
        for name, table, uris in (("audio", audio, audio_uris), ("midi", midi, midi_uris)):
            path = folder / f"{name}-{tier}.parquet"
            pq.write_table(pa.Table.from_pylist(table), path, row_group_size=7)
            uris.append(path.as_uri())
    parts = ExampleParts(
        audio_features=tuple(audio_uris),
        midi_tokens=tuple(midi_uris),
        audio=config.audio_features,
        tokens=config.midi_encoder.tokens,
    )
    return Corpus(parts=parts, samples=pd.DataFrame(rows))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, tiny_config: ExperimentConfig) -> Corpus:
    folder = tmp_path_factory.mktemp("synthetic") / "parts"
    return synthetic_corpus(folder, tiny_config, per_part=20, compositions=3)


@pytest.fixture
def rewrite_part() -> Callable[[str, Callable[[pd.DataFrame], pd.DataFrame]], str]:
    """Write a changed copy of a part beside it and return the copy's URI."""

    def rewrite(uri: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> str:
        path = Path(uri.removeprefix("file://"))
        changed = path.with_name(f"changed-{path.name}")
        table = pa.Table.from_pandas(change(pq.read_table(path).to_pandas()), preserve_index=False)
        pq.write_table(table, changed)
        return changed.as_uri()

    return rewrite


def random_performance(seed: int, *, notes: int, duration_s: float) -> Performance:
    """Notes all over the keyboard, struck at any time, and a pedal that is never still."""
    rng = np.random.default_rng(seed)
    played = np.zeros(notes, NOTE_DTYPE)
    played["note_id"] = rng.permutation(notes)
    played["onset_s"] = snap(rng.uniform(0.5, duration_s - 0.5, notes))
    played["offset_s"] = played["onset_s"] + snap(rng.exponential(0.2, notes).clip(1e-4, 0.5))
    played["pitch"] = rng.integers(21, 109, notes)
    played["velocity"] = rng.integers(1, 128, notes)
    pedal = np.zeros(notes // 2, PEDAL_DTYPE)
    pedal["time_s"] = np.sort(snap(rng.uniform(0, duration_s, len(pedal))))
    pedal["controller"] = SUSTAIN
    pedal["value"] = rng.integers(0, 128, len(pedal))
    return Performance(notes=release_before_restrike(played), pedal=pedal, duration_s=duration_s)


@pytest.fixture(scope="session")
def perform_at_random() -> Callable[..., Performance]:
    return random_performance
