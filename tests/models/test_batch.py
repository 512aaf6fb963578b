import numpy as np
import torch

from models.batch import Example, collate, length_mask
from models.parts import Features
from models.tokens import TOKEN_DTYPE


def test_collate_pads_and_masks() -> None:
    def example(frames: int, notes: int) -> Example:
        tokens = np.zeros(notes, TOKEN_DTYPE)
        tokens["onset_s"] = np.arange(notes)
        tokens["pitch"] = 60
        mel = np.full((frames, 2), -10, np.float16)
        features = Features(sample_id=f"{frames}", mel_frames=frames, log_mel=mel, tokens=tokens)
        return Example(features=features, scores=np.full(8, frames, np.float32))

    batch = collate([example(5, 3), example(2, 0)], mel_frames_per_step=2)
    assert batch.sample_ids == ("5", "2")
    assert batch.steps.tolist() == [3, 1]
    assert batch.log_mel[:, :, 0].tolist() == [[-10.0] * 5, [-10.0, -10.0, 0.0, 0.0, 0.0]]
    assert batch.note_mask.tolist() == [[True] * 3, [False] * 3]
    assert batch.notes["onset_s"].tolist() == [[0.0, 1.0, 2.0], [0.0] * 3]
    assert batch.scores[:, 0].tolist() == [5.0, 2.0]


def test_a_batch_without_any_note_keeps_a_place() -> None:
    features = Features(sample_id="a", mel_frames=4, log_mel=None, tokens=np.zeros(0, TOKEN_DTYPE))
    batch = collate([Example(features=features, scores=np.zeros(8, np.float32))], 2)
    assert batch.log_mel is None
    assert batch.note_mask.tolist() == [[False]]


def test_length_mask() -> None:
    mask = length_mask(torch.tensor([0, 2, 3]), 3)
    assert mask.tolist() == [[False] * 3, [True, True, False], [True] * 3]


def test_moving_keeps_everything() -> None:
    features = Features(sample_id="a", mel_frames=4, log_mel=None, tokens=np.zeros(2, TOKEN_DTYPE))
    batch = collate([Example(features=features, scores=np.zeros(8, np.float32))], 2)
    moved = batch.to(torch.device("meta"))
    assert moved.sample_ids == batch.sample_ids
    assert moved.log_mel is None
    assert {name: field.shape for name, field in moved.notes.items()} == {
        name: field.shape for name, field in batch.notes.items()
    }
    assert moved.scores.device.type == moved.notes["pitch"].device.type == "meta"
