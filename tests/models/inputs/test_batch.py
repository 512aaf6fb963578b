import numpy as np
import pytest
import torch

from models.config.experiment import ExperimentConfig
from models.inputs.batch import Example, collate, grid_steps, length_mask
from models.inputs.feature_reader import Features, NoteFeatures
from models.tokens.tokenisers import TOKENISERS

DTYPE = TOKENISERS["performance"].dtype


def told(tokens: np.ndarray) -> NoteFeatures:
    return NoteFeatures(tokens=tokens, measures=np.array([len(tokens)], np.float32))


def test_collate_pads_and_masks(demo_config) -> None:
    # the demo's frames come at 20 Hz, its steps at 10
    def example(frames: int, notes: int) -> Example:
        tokens = np.zeros(notes, DTYPE)
        tokens["onset_s"] = np.arange(notes)
        tokens["pitch"] = 60
        audio = np.full((frames, 2), -10, np.float16)
        features = Features(
            sample_id=f"{frames}", duration_s=frames / 20, audio=audio, notes=told(tokens)
        )
        return Example(features=features, scores=np.full(8, frames, np.float32))

    batch = collate([example(5, 3), example(2, 0)], demo_config)
    assert batch.sample_ids == ("5", "2")
    assert batch.steps.tolist() == [3, 1]
    assert batch.audio_frames.tolist() == [5, 2]
    assert batch.audio[:, :, 0].tolist() == [[-10.0] * 5 + [0.0], [-10.0] * 2 + [0.0] * 4]
    assert batch.heard is None
    assert batch.notes.mask.tolist() == [[True] * 3, [False] * 3]
    assert batch.notes.measures.tolist() == [[3.0], [0.0]]
    assert batch.notes.fields["onset_s"].tolist() == [[0.0, 1.0, 2.0], [0.0] * 3]
    assert batch.scores[:, 0].tolist() == [5.0, 2.0]


def notes_alone(notes: int) -> Example:
    tokens = np.zeros(notes, DTYPE)
    features = Features(sample_id="a", duration_s=0.2, audio=None, notes=told(tokens))
    return Example(features=features, scores=np.zeros(8, np.float32))


def test_a_batch_without_any_note_keeps_a_place(demo_config) -> None:
    batch = collate([notes_alone(0)], demo_config)
    assert batch.audio is None
    assert batch.audio_frames is None
    assert batch.notes.mask.tolist() == [[False]]


def test_length_mask() -> None:
    mask = length_mask(torch.tensor([0, 2, 3]), 3)
    assert mask.tolist() == [[False] * 3, [True, True, False], [True] * 3]


@pytest.mark.parametrize(
    ("duration_s", "steps"), [(10.0, 100), (0.1 + 0.2, 3), (0.31, 4), (0.0, 1), (2.9999999999, 30)]
)
def test_a_begun_step_is_a_step(duration_s: float, steps: int) -> None:
    assert grid_steps(duration_s, 10) == steps


def test_moving_keeps_everything(demo_config) -> None:
    batch = collate([notes_alone(2)], demo_config)
    moved = batch.to(torch.device("meta"))
    assert moved.sample_ids == batch.sample_ids
    assert moved.audio is None
    assert {name: field.shape for name, field in moved.notes.fields.items()} == {
        name: field.shape for name, field in batch.notes.fields.items()
    }
    assert moved.scores.device.type == moved.notes.fields["pitch"].device.type == "meta"
    assert moved.notes.measures.device.type == moved.notes.mask.device.type == "meta"


def test_a_batch_without_labels_has_no_scores_to_learn_from(tiny_config: ExperimentConfig) -> None:
    batch = collate([Example(features=notes_alone(3).features)], tiny_config)
    assert batch.labels is None
    with pytest.raises(ValueError, match="without"):
        _ = batch.scores
