"""A combined score: truth weighs, noise does not, and the plain mean stands beside it."""

import numpy as np
import pandas as pd
import pytest

from degradation.seeds import stream
from labeling.combination import compare_with_mean, fit_combination


def sample(seed: int, n: int = 400) -> tuple[pd.DataFrame, np.ndarray, pd.Series]:
    """One function follows quality closely, one loosely, one not at all, one the wrong way."""
    rng = stream(seed, "combination")
    quality = rng.normal(size=n)
    scores = pd.DataFrame(
        {
            "close": 50 + 10 * (quality + 0.5 * rng.normal(size=n)),
            "loose": 50 + 10 * (quality + 3 * rng.normal(size=n)),
            "noise": 50 + 30 * rng.normal(size=n),
            "wrong": 50 - 10 * (quality + rng.normal(size=n)),
        }
    )
    return scores, quality, pd.Series([f"piece {at % 20}" for at in range(n)])


def test_weights_follow_what_a_function_knows() -> None:
    scores, quality, _ = sample(0)
    found = fit_combination(scores, quality)
    weight = dict(zip(found.functions, found.weights, strict=True))
    assert weight["close"] > 3 * weight["loose"] >= 0
    assert weight["noise"] < 0.1
    assert weight["wrong"] == 0


def test_it_is_better_than_the_mean_where_functions_differ_in_worth() -> None:
    scores, quality, _ = sample(0)
    others, their_quality, compositions = sample(1)
    found = compare_with_mean(
        fit_combination(scores, quality), others, their_quality, compositions, seed=0
    )
    assert found.combined.r > found.plain_mean.r + 0.2
    assert 0 < found.gain_low < found.gain < found.gain_high


def test_it_is_no_better_than_the_mean_where_all_are_alike() -> None:
    def alike(seed: int) -> tuple[pd.DataFrame, np.ndarray, pd.Series]:
        scores, quality, compositions = sample(seed)
        rng = stream(seed, "alike")
        return (
            pd.DataFrame({n: quality + 2 * rng.normal(size=len(quality)) for n in scores}),
            quality,
            compositions,
        )

    found = compare_with_mean(fit_combination(*alike(0)[:2]), *alike(1), seed=0)
    assert abs(found.gain) < 0.05


def test_an_abstention_moves_a_sample_neither_way() -> None:
    scores, quality, _ = sample(0)
    found = fit_combination(scores, quality)
    nobody = pd.DataFrame({name: [np.nan] for name in scores})
    assert found.combine(nobody) == pytest.approx([0])


def test_nothing_to_learn_from_is_refused() -> None:
    scores, quality, _ = sample(0)
    with pytest.raises(ValueError, match="that vary"):
        fit_combination(scores, np.zeros(len(quality)))
    with pytest.raises(ValueError, match="0 functions"):
        fit_combination(scores * np.nan, quality)
