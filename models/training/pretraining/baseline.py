"""The baseline of masked pretraining: each class as often as it occurs, whatever is around."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.config.experiment import ExperimentConfig
from models.tokens.tokenisers import TOKENISERS
from models.training.pretraining.source import PerformanceSource
from models.training.pretraining.windows import MaskedWindows, cut_windows, window_starts_s

Counts = dict[str, NDArray[np.int64]]
"""How often each class (classes,) of each field occurs."""


def count_classes(classes: NDArray[np.int64], vocabulary: Mapping[str, int]) -> Counts:
    """Return how often each class occurs in `classes` (notes, fields)."""
    return {
        field: np.bincount(column, minlength=size)
        for (field, size), column in zip(vocabulary.items(), classes.T, strict=True)
    }


def unigram_cross_entropy(trained: Counts, judged: Counts) -> dict[str, float]:
    """Return each field's cross-entropy, in nats, of the judged notes under the trained counts.

    Each class is counted once more than it occurred (Laplace), so that none is impossible.
    """
    return {
        field: float(-np.average(np.log((seen + 1) / (seen + 1).sum()), weights=judged[field]))
        for field, seen in trained.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a pass over a corpus tells before training: its size, and the unigram baseline.

    `train_windows` and `train_notes` are those of an epoch; windows without a note count too.
    """

    train_windows: int
    train_notes: int
    validation_notes_guessed: int
    unigram: dict[str, float]


def survey(source: PerformanceSource, config: ExperimentConfig) -> Survey:
    """Count the training split's classes, and judge them on the notes that validation guesses.

    A corpus in which a split has no note gives counts of 0 and no baseline.
    """
    assert config.pretraining is not None
    tokeniser, window_s = TOKENISERS[config.midi_encoder.tokens], config.pretraining.window_s
    none = np.zeros((0, len(tokeniser.vocabulary)), np.int64)
    trained = judged = count_classes(none, tokeniser.vocabulary)
    windows = notes = guessed = 0
    for _, performance in source("train", None):
        windows += len(window_starts_s(performance.duration_s, window_s, None))
        # Windows, as some classes (the measure, a cut duration) follow from where one begins.
        for window in cut_windows(performance, window_s, None):
            classes = tokeniser.classes(tokeniser.encode(window))
            notes += len(classes)
            trained = _sum(trained, count_classes(classes, tokeniser.vocabulary))
    for masked in MaskedWindows(source, config, None).windows():
        guessed += len(masked.classes)
        judged = _sum(judged, count_classes(masked.classes, tokeniser.vocabulary))
    return Survey(
        train_windows=windows,
        train_notes=notes,
        validation_notes_guessed=guessed,
        unigram=unigram_cross_entropy(trained, judged) if notes and guessed else {},
    )


def _sum(one: Counts, other: Counts) -> Counts:
    return {field: one[field] + other[field] for field in one}
