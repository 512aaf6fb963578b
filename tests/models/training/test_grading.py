"""The windows whose sound and notes are contrasted."""

import torch

from models.training.grading import window_means


def test_windows_follow_one_another_within_a_clip_and_none_is_cut_short() -> None:
    steps = torch.arange(16.0).reshape(2, 8, 1)
    mask = torch.arange(8) < torch.tensor([[7], [4]])
    means, clip = window_means(steps, mask, 3)
    assert means[:, 0].tolist() == [1, 4, 9]  # steps 0-2 and 3-5 of seven, 0-2 of four
    assert clip.tolist() == [0, 0, 1]


def test_without_a_length_a_clip_is_one_window_of_its_real_steps() -> None:
    steps = torch.arange(16.0).reshape(2, 8, 1)
    mask = torch.arange(8) < torch.tensor([[7], [4]])
    means, clip = window_means(steps, mask, None)
    assert means[:, 0].tolist() == [3, 9.5]
    assert clip.tolist() == [0, 1]


def test_clips_shorter_than_a_window_have_none() -> None:
    means, clip = window_means(torch.ones(2, 8, 5), torch.ones(2, 8, dtype=torch.bool), 9)
    assert means.shape == (0, 5)
    assert clip.shape == (0,)
