from dataclasses import replace

import numpy as np
import pytest
import torch

from degradation.seeds import stream
from models.tokens.tokenisers import TOKENISERS
from models.training.pretraining.masking import LEARNING, mask_window
from models.training.pretraining.windows import (
    MaskedBatch,
    MaskedWindows,
    collate,
    cut_windows,
    pooled,
    window_starts_s,
)


def batches(source, config, epoch: int | None) -> list[MaskedBatch]:
    return list(MaskedWindows(source, config, epoch))


def same(one: MaskedBatch, other: MaskedBatch) -> bool:
    return (
        all(torch.equal(one.notes[name], other.notes[name]) for name in one.notes)
        and torch.equal(one.guessed, other.guessed)
        and torch.equal(one.classes, other.classes)
    )


@pytest.mark.parametrize("duration_s", [4.0, 10.0, 19.9, 20.0, 125.3])
def test_windows_lie_in_the_music_one_in_each_of_its_tens(duration_s: float) -> None:
    fixed = window_starts_s(duration_s, 10.0, None)
    assert len(fixed) == max(1, int(duration_s // 10))
    assert fixed.tolist() == [10.0 * number for number in range(len(fixed))]
    for seed in range(20):
        drawn = window_starts_s(duration_s, 10.0, stream(seed, "t"))
        assert len(drawn) == len(fixed)
        assert (drawn >= fixed).all()
        assert (drawn <= np.minimum(fixed + 10, max(0.0, duration_s - 10))).all()


def test_a_window_of_silence_is_left_out(music) -> None:
    performance = music.performances["train"]["train 0"]
    late = performance.notes[performance.notes["onset_s"] >= 20.0]
    quiet = replace(performance, notes=late)
    assert len(list(cut_windows(performance, 10.0, None))) == 4
    assert len(list(cut_windows(quiet, 10.0, None))) == 2


def test_a_batch_holds_each_window_in_its_row(random_notes) -> None:
    tokeniser = TOKENISERS["performance"]
    performance = random_notes.performances["train"]["train 1"]
    windows = [
        mask_window(window, tokeniser, 0.3, LEARNING, stream(1, "t"))
        for length_s in (3.0, 9.0)
        for window in cut_windows(performance, length_s, None)
    ]
    batch = collate(windows)
    assert batch.note_mask.sum(1).tolist() == [len(window.shown) for window in windows]
    for row, window in enumerate(windows):
        notes = batch.note_mask[row]
        assert np.array_equal(batch.notes["pitch"][row][notes].numpy(), window.shown["pitch"])
        assert np.array_equal(batch.hidden[row][notes].numpy(), window.masking.hidden)
        assert np.array_equal(batch.guessed[row][notes].numpy(), window.masking.guessed)
    assert not (batch.guessed & ~batch.note_mask).any()
    first = int(batch.guessed[0].sum())
    assert np.array_equal(batch.classes[first:][: len(windows[1].classes)], windows[1].classes)


@pytest.mark.parametrize("seed", range(3))
def test_pools_lose_nothing_and_put_like_lengths_together(random_notes, seed: int) -> None:
    tokeniser = TOKENISERS["performance"]
    windows = [
        mask_window(window, tokeniser, 0.3, LEARNING, stream(1, "t"))
        for _, performance in random_notes("train", None)
        for length_s in (2.0, 10.0)
        for window in cut_windows(performance, length_s, stream(seed, "t"))
    ]
    stream(seed, "order").shuffle(windows)
    dealt = list(pooled(iter(windows), 8, 70, stream(seed, "u")))
    sizes = [len(batch.note_mask) for batch in dealt]
    assert len(sizes) == -(-len(windows) // 8)
    assert sum(sizes) == len(windows)
    assert sorted(sizes)[1:] == [8] * (len(sizes) - 1)
    notes = sum(len(window.shown) for window in windows)
    assert sum(int(batch.note_mask.sum()) for batch in dealt) == notes
    as_they_come = pooled(iter(windows), 8, 8, stream(seed, "u"))
    padded, unsorted = (
        sum(batch.note_mask.numel() for batch in order) for order in (dealt, as_they_come)
    )
    assert notes <= padded < 0.7 * unsorted


def test_an_epoch_is_the_same_again_and_another_is_another(random_notes, config) -> None:
    one, again, other = (batches(random_notes, config, epoch) for epoch in (0, 0, 1))
    assert all(same(*pair) for pair in zip(one, again, strict=True))
    assert not all(same(*pair) for pair in zip(one, other, strict=True))


def test_another_seed_is_another_epoch(random_notes, config) -> None:
    reseeded = config.model_copy(update={"seed": config.seed + 1})
    pairs = zip(batches(random_notes, config, 0), batches(random_notes, reseeded, 0), strict=True)
    assert not any(same(*pair) for pair in pairs)


def test_a_performance_is_cut_and_masked_alike_whatever_its_neighbours(
    random_notes, config
) -> None:
    everything = {
        window.shown.tobytes() for window in MaskedWindows(random_notes, config, 0).windows()
    }
    name = "train 7"
    alone = type(random_notes)({"train": {name: random_notes.performances["train"][name]}})
    found = list(MaskedWindows(alone, config, 0).windows())
    assert len(found) == 3
    assert all(window.shown.tobytes() in everything for window in found)


def test_splits_stay_apart_and_validation_hides_all(random_notes, config) -> None:
    validation = batches(random_notes, config, None)
    assert all(torch.equal(batch.hidden, batch.guessed) for batch in validation)
    windows = sum(len(batch.note_mask) for batch in validation)
    assert windows == 10 * 3
    assert sum(len(batch.note_mask) for batch in batches(random_notes, config, 0)) == 24 * 3


def test_an_empty_split_gives_no_batch(random_notes, config) -> None:
    assert batches(type(random_notes)({}), config, 0) == []
