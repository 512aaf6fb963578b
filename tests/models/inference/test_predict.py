from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, Experiment, ExperimentConfig
from models.inference.predict import predict_clips, predict_split
from models.inputs.feature_reader import ExampleParts, Features, read_part
from models.networks.network import GradingNetwork
from models.training.checkpoint import describe_model, save_best
from models.training.identity import Origin


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_clips_in_memory_get_the_scores_of_stored_ones(
    experiment: Experiment, corpus: Any, tiny_config: ExperimentConfig, tmp_path: Path
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = GradingNetwork(experiment, tiny_config)
    origin = Origin(identity="0", table_versions={})
    about = describe_model(experiment, origin, tiny_config) | {"epoch": 1, "val_loss": 0.5}
    save_best(tmp_path, experiment, about, network.state_dict())
    stored = predict_split(tmp_path, corpus.parts, corpus.samples, "test").set_index("sample_id")
    clips = clips_of(corpus.parts, tiny_config)
    found = predict_clips(tmp_path, clips)
    expected = stored.loc[[clip.sample_id for clip in clips], list(DIMENSIONS)].to_numpy()
    assert len(clips) == len(stored) > tiny_config.training.batch_size
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_no_clips_have_no_scores(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    network = GradingNetwork("midi_only", tiny_config)
    origin = Origin(identity="0", table_versions={})
    about = describe_model("midi_only", origin, tiny_config) | {"epoch": 1, "val_loss": 0.5}
    save_best(tmp_path, "midi_only", about, network.state_dict())
    assert predict_clips(tmp_path, []).shape == (0, len(DIMENSIONS))


def clips_of(parts: ExampleParts, config: ExperimentConfig) -> list[Features]:
    return [
        clip
        for part in range(len(parts))
        for clip in read_part(
            parts, part, split="test", modalities={"audio", "midi"}, config=config
        )
    ]
