"""Monotone additive regression: it finds known curves, and can't turn a fault into a merit."""

import numpy as np
import pytest

from models.take_grader.additive import Curve, fit_additive

RNG = np.random.default_rng(0)
MEASURES = {"gap": RNG.uniform(0, 10, 3000), "spread": RNG.normal(0, 1, 3000)}


def test_known_curves_are_found_and_noise_adds_nothing() -> None:
    noise = RNG.normal(size=3000)
    target = np.minimum(MEASURES["gap"], 5) - 2 * MEASURES["spread"] + 0.1 * noise
    found = fit_additive(
        {**MEASURES, "noise": noise**2}, {"gap": False, "spread": True, "noise": False}, target
    )
    assert np.corrcoef(found.predict({**MEASURES, "noise": noise**2}), target)[0, 1] > 0.99
    gap = found.curves[0]
    assert gap(np.array([5.0, 10.0])) == pytest.approx([gap.adds[-1]] * 2, abs=0.3)
    assert found.curves[2].adds[-1] < 0.1


def test_a_measure_of_the_wrong_sign_counts_for_nothing() -> None:
    found = fit_additive(MEASURES, {"gap": True, "spread": True}, MEASURES["gap"])
    assert max(map(abs, found.curves[0].adds)) < 1e-9
    rising = found.predict({"gap": np.arange(10.0), "spread": np.zeros(10)})
    assert (np.diff(rising) <= 0).all()


def test_what_is_undefined_counts_as_the_median_and_what_is_beyond_the_end_as_the_end() -> None:
    curve = Curve(measure="gap", knots=(0.0, 2.0), adds=(0.0, 4.0), unknown=1.0)
    assert curve(np.array([np.nan, -5.0, 0.5, 99.0])).tolist() == [2.0, 0.0, 1.0, 4.0]
