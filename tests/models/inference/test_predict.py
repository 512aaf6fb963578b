from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, Experiment, ExperimentConfig
from models.inference.predict import batches_of, few_pairs, predict, predict_split
from models.inference.trained_model import load_model
from models.inputs.feature_reader import Features, NoteFeatures, read_data_file


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_clips_in_memory_get_the_scores_of_stored_ones(
    experiment: Experiment,
    corpus: Any,
    tiny_config: ExperimentConfig,
    tmp_path: Path,
    save_model: Callable[..., Any],
) -> None:
    save_model(tmp_path, experiment, tiny_config)
    model = load_model(tmp_path)
    stored = predict_split(model, corpus.parts, corpus.samples, "test").set_index("sample_id")
    clips = [
        clip
        for part in range(len(corpus.parts))
        for clip in read_data_file(
            corpus.parts, part, split="test", modalities={"audio", "midi"}, config=tiny_config
        )
    ]
    size = tiny_config.training.batch_size
    found = predict(model.network, batches_of(clips, tiny_config, size), threads=1)
    assert len(clips) == len(stored) > size
    expected = stored.loc[list(found.sample_ids), list(DIMENSIONS)].to_numpy()
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4)
    assert not found.by_clip


def test_no_clips_have_no_scores(
    tiny_config: ExperimentConfig, tmp_path: Path, save_model: Callable[..., Any]
) -> None:
    network = save_model(tmp_path, "midi_only", tiny_config)
    assert predict(network, [], threads=1).scores.shape == (0, len(DIMENSIONS))


@pytest.mark.parametrize("side", ["notes", "heard"])
def test_clips_of_many_notes_share_no_batch(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.inference.predict.MOST_NOTE_PAIRS", 300)

    def clip(notes: int) -> Features:
        given = NoteFeatures(
            tokens=np.zeros(notes, [("pitch", "u1")]), measures=np.zeros(1, np.float32)
        )
        of: Any = {"notes": None, "heard": None, side: given}
        return Features(sample_id=str(notes), duration_s=10, audio=None, **of)

    groups = few_pairs(clip(notes) for notes in (10, 10, 10, 11, 20, 1, 1))
    assert [[one.sample_id for one in group] for group in groups] == [
        ["10", "10", "10"],
        ["11"],
        ["20"],
        ["1", "1"],
    ]
