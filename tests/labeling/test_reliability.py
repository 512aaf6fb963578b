"""Reliability: the textbook's example, and what must hold of any ratings."""

from pathlib import Path

import numpy as np
import pytest

from degradation.seeds import stream
from labeling.reliability import intraclass, split_half
from storage.percepiano import SCALES, read_percepiano

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
"""Shrout & Fleiss 1979, table 2: six targets, four judges; ICC(1,1) .17 and ICC(1,4) .44."""


def long(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(np.arange(len(table)), table.shape[1]), table.ravel()


def test_the_example_of_shrout_and_fleiss() -> None:
    icc_1, icc_k, raters = intraclass(*long(SHROUT_FLEISS))
    assert (round(icc_1, 2), round(icc_k, 2), raters) == (0.17, 0.44, 4)


def test_an_answer_that_was_not_given_counts_for_nothing() -> None:
    target, rating = long(SHROUT_FLEISS)
    with_gaps = intraclass(np.append(target, [0, 3]), np.append(rating, [np.nan, np.nan]))
    assert with_gaps == pytest.approx(intraclass(target, rating))


def test_raters_who_agree_are_fully_reliable_and_scale_does_not_matter() -> None:
    same = np.repeat(np.arange(5.0)[:, None], 3, axis=1)
    assert intraclass(*long(same))[:2] == (1.0, 1.0)
    assert intraclass(*long(SHROUT_FLEISS * 3 - 7)) == pytest.approx(
        intraclass(*long(SHROUT_FLEISS))
    )


def test_spearman_brown_leads_from_one_rating_to_the_mean_of_all() -> None:
    icc_1, icc_k, raters = intraclass(*long(SHROUT_FLEISS))
    assert icc_k == pytest.approx(raters * icc_1 / (1 + (raters - 1) * icc_1))


def test_halves_of_noisy_raters_correlate_as_their_noise_says() -> None:
    """Targets of variance 1 and raters of noise 1: halves of six have reliability 6 / 7."""
    rng = stream(0, "raters")
    table = rng.normal(size=(3000, 1)) + rng.normal(size=(3000, 12))
    half = split_half(*long(table), halves=5, rng=stream(0, "halves"))
    assert half == pytest.approx(6 / 7, abs=0.01)
    icc_1, _, raters = intraclass(*long(table))
    assert icc_1 == pytest.approx(0.5, abs=0.02)
    assert raters == 12


def test_the_same_stream_splits_alike() -> None:
    target, rating = long(SHROUT_FLEISS)
    once, again = (split_half(target, rating, halves=4, rng=stream(1, "s")) for _ in range(2))
    assert once == again


def test_too_little_to_judge_is_refused() -> None:
    with pytest.raises(ValueError, match="rated twice; got 3 ratings of 3 targets"):
        intraclass(np.arange(3), np.arange(3.0))


@pytest.mark.slow
@pytest.mark.real_data
def test_the_published_ratings_are_as_reliable_as_was_measured(real_data: Path) -> None:
    ratings = read_percepiano(real_data / "percepiano").ratings
    _, target = np.unique(np.asarray(ratings.stems), return_inverse=True)
    found = [
        (
            *intraclass(target, answers)[:2],
            split_half(target, answers, halves=20, rng=stream(0, "reliability", scale)),
        )
        for answers, scale in zip(ratings.answers.T, SCALES, strict=True)
    ]
    assert np.mean(found, axis=0) == pytest.approx([0.259, 0.794, 0.647], abs=0.01)
