"""The head's calibration: a line a dimension from outputs to held-out scores."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import linregress

from models.config.experiment import HeadConfig
from models.networks.score_head import LEAST_SLOPE, LEAST_SPREAD, ScoreHead

CENTRE, SCALE = 75.0, 12.5


def head() -> ScoreHead:
    return ScoreHead(
        4, 0, HeadConfig(hidden=4, dropout=0.0, score_centre=CENTRE, score_scale=SCALE)
    )


def calibrated(outputs: NDArray[np.float64], scores: NDArray[np.float64]) -> ScoreHead:
    fresh = head()
    fresh.calibrate(torch.tensor(outputs, dtype=torch.float32), torch.tensor(scores))
    return fresh


def said(calibrated_head: ScoreHead, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    scores = calibrated_head.scores(torch.tensor(outputs, dtype=torch.float32))
    assert scores.dtype == torch.float32
    return scores.double().numpy()


def test_before_it_is_calibrated_a_score_is_the_loss_s_own() -> None:
    scores = torch.tensor([[50.0] * 8, [100.0] * 8])
    torch.testing.assert_close(head().scores(head().standardise(scores)), scores)


@given(seed=st.integers(0, 10**6), rows=st.integers(3, 200))
def test_it_is_least_squares_in_each_dimension(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    outputs = rng.normal(rng.uniform(-2, 2, 8), rng.uniform(0.2, 2, 8), (rows, 8))
    scores = 80 + rng.uniform(2, 9, 8) * outputs + rng.normal(0, 3, (rows, 8))
    lines = [linregress(u, true) for u, true in zip(outputs.T, scores.T, strict=True)]
    expected = [a.intercept + a.slope * u for a, u in zip(lines, outputs.T, strict=True)]
    # A few outputs can lie so close together by chance that calibration holds them for one.
    apart = outputs.std(0) > 200 * LEAST_SPREAD
    kept = apart & np.array([line.slope > SCALE * LEAST_SLOPE for line in lines])
    found = said(calibrated(outputs, scores), outputs)
    np.testing.assert_allclose(found[:, kept], np.stack(expected, axis=1)[:, kept], atol=1e-3)


def test_grades_that_are_off_throughout_are_put_right() -> None:
    """As LDS makes them: too low by ten points, and spread too far."""
    rng = np.random.default_rng(1)
    truth = 100 - rng.exponential(8, (500, 8))
    outputs = (truth - 10 - CENTRE) / SCALE * 1.5 + rng.normal(0, 0.3, truth.shape)
    found = said(calibrated(outputs, truth), outputs)
    np.testing.assert_allclose(found.mean(0), truth.mean(0), atol=1e-3)
    assert np.abs(said(head(), outputs) - truth).mean() > 6
    assert np.abs(found - truth).mean() < 3


def test_an_order_is_never_turned_round() -> None:
    outputs = np.linspace(-1, 1, 50)[:, None].repeat(8, 1)
    scores = 80 - 5 * outputs
    found = said(calibrated(outputs, scores), outputs)
    assert (np.diff(found, axis=0) > 0).all()
    assert np.abs(found - 80).max() < 0.2


@pytest.mark.parametrize("rows", [1, 9])
def test_outputs_that_are_all_equal_say_the_mean(rows: int) -> None:
    scores = np.random.default_rng(2).uniform(50, 100, (rows, 8))
    outputs = np.full((rows, 8), 0.7)
    found = said(calibrated(outputs, scores), outputs)
    np.testing.assert_allclose(found, np.tile(scores.mean(0), (rows, 1)), atol=1e-3)


def test_a_second_calibration_replaces_the_first() -> None:
    rng = np.random.default_rng(3)
    outputs, scores = rng.normal(size=(20, 8)), rng.uniform(50, 100, (20, 8))
    once = calibrated(outputs, scores)
    again = calibrated(outputs, 2 * scores)
    again.calibrate(torch.tensor(outputs, dtype=torch.float32), torch.tensor(scores))
    np.testing.assert_array_equal(said(again, outputs), said(once, outputs))


def test_it_is_no_part_of_training() -> None:
    names = {name for name, _ in head().named_parameters()}
    assert not names & {"slope", "offset"}
    assert {"slope", "offset"} <= set(head().state_dict())
