import dataclasses
import math

import numpy as np
import pytest

from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment
from models.evaluation.agreement.model_comparison import (
    Predictions,
    best_of,
    compare_best,
    multiple_r,
)
from models.metrics import pearson_r

PIECES = 12
CLUSTERS = [f"piece {i}" for i in range(PIECES) for _ in range(20)]


@pytest.fixture
def true() -> np.ndarray:
    return np.random.default_rng(0).normal(75, 10, (len(CLUSTERS), 8))


def model(
    name: Experiment, true: np.ndarray, noise: float, seed: int, validation: float | None = None
) -> Predictions:
    predicted = true + np.random.default_rng(seed).normal(0, noise, true.shape)
    r = tuple(pearson_r(true, predicted)) if validation is None else (validation,) * 8
    return Predictions(name, r, true, predicted)


def test_a_better_fusion_wins_every_dimension_and_its_share_of_the_headroom(
    true: np.ndarray,
) -> None:
    models = [model("audio_only", true, 10, 1), model("gated", true, 5, 2)]
    found = compare_best(models, CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert {one.winner for one in found.dimensions} == {"gated"}
    assert [one.dimension for one in found.dimensions] == list(DIMENSIONS)
    mean = found.mean
    assert mean.fusion_r - mean.single_r == pytest.approx(mean.difference)
    assert mean.headroom == pytest.approx(1 - mean.single_r)
    assert mean.share_of_headroom == pytest.approx(mean.difference / mean.headroom)
    assert 0 < mean.interval.low < mean.difference < mean.interval.high
    assert np.isnan(mean.both_singles_r), "one single alone"


def test_a_worse_fusion_loses(true: np.ndarray) -> None:
    models = [model("midi_only", true, 5, 1), model("concat", true, 12, 2)]
    found = compare_best(models, CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert {one.winner for one in found.dimensions} == {"midi_only"}
    assert found.mean.interval.high < 0


def test_two_alike_have_no_winner(true: np.ndarray) -> None:
    models = [model("audio_only", true, 8, 1), model("gated", true, 8, 2)]
    found = compare_best(models, CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert [one.winner for one in found.dimensions].count(None) >= 7


def test_the_best_is_chosen_on_validation_and_not_on_what_is_judged(true: np.ndarray) -> None:
    lucky = model("gated", true, 2, 1, validation=0.5)
    sound = model("concat", true, 9, 2, validation=0.6)
    single = model("audio_only", true, 9, 3)
    found = compare_best([lucky, sound, single], CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert found.mean.fusion == "concat"
    assert {one.fusion for one in found.dimensions} == {"concat"}


def test_each_dimension_has_the_best_of_its_own(true: np.ndarray) -> None:
    r = (0.9, 0.1) * 4
    hears = Predictions("audio_only", r, true, true)
    reads = Predictions("midi_only", r[::-1], true, true)
    found = compare_best([hears, reads, model("gated", true, 3, 1)], CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert [one.single for one in found.dimensions] == ["audio_only", "midi_only"] * 4


def test_an_undefined_validation_r_is_never_the_best(true: np.ndarray) -> None:
    known = model("audio_only", true, 9, 1, validation=0.1)
    unknown = model("midi_only", true, 1, 2, validation=float("nan"))
    assert best_of([unknown, known]).name == "audio_only"
    assert best_of([unknown, known], 3).name == "audio_only"


@pytest.mark.parametrize(("pieces", "winners"), [(5, {None}), (6, {"gated"})])
def test_few_pieces_can_name_no_winner(
    true: np.ndarray, pieces: int, winners: set[str | None]
) -> None:
    few = [f"piece {i % pieces}" for i in range(len(true))]
    models = [model("audio_only", true, 20, 1), model("gated", true, 2, 2)]
    found = compare_best(models, few, 1.0, seed=0)
    assert found is not None
    assert {one.winner for one in found.dimensions} == winners
    assert all(one.interval.excludes_zero for one in found.dimensions)


def test_both_singles_together_are_an_upper_bound_of_their_mean(true: np.ndarray) -> None:
    hears, reads = model("audio_only", true, 8, 1), model("midi_only", true, 10, 2)
    found = compare_best([hears, reads, model("gated", true, 9, 3)], CLUSTERS, 1.0, seed=0)
    assert found is not None
    average = pearson_r(true, (hears.predicted + reads.predicted) / 2).mean()
    assert average <= found.mean.both_singles_r < average + 0.02
    # Their errors are drawn apart.
    assert found.mean.independent_r == pytest.approx(found.mean.both_singles_r, abs=0.01)


def test_singles_that_err_alike_reach_less_than_independent_ones(true: np.ndarray) -> None:
    hears = model("audio_only", true, 10, 1)
    reads = dataclasses.replace(hears, name="midi_only")
    found = compare_best([hears, reads, model("gated", true, 9, 3)], CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert found.mean.both_singles_r == pytest.approx(found.mean.single_r)
    assert found.mean.independent_r > found.mean.both_singles_r + 0.02


def test_no_headroom_has_no_share_and_no_pair_no_comparison(true: np.ndarray) -> None:
    models = [model("audio_only", true, 1, 1), model("gated", true, 2, 2)]
    found = compare_best(models, CLUSTERS, 0.9, seed=0)
    assert found is not None
    assert found.mean.headroom < 0
    assert np.isnan(found.mean.share_of_headroom)
    assert compare_best(models[:1], CLUSTERS, 1.0, seed=0) is None
    assert compare_best(models[1:], CLUSTERS, 1.0, seed=0) is None


def test_two_models_together_are_at_best_the_regression_on_both() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    first, second = truth + rng.normal(size=300), truth + 2 * rng.normal(size=300)
    r = np.corrcoef([truth, first, second])
    design = np.column_stack([np.ones(300), first, second])
    fitted = design @ np.linalg.lstsq(design, truth, rcond=None)[0]
    together = multiple_r(r[0, 1], r[0, 2], r[1, 2])
    assert together == pytest.approx(np.corrcoef(truth, fitted)[0, 1])
    assert together > max(r[0, 1], r[0, 2])
    assert multiple_r(0.7, 0.35, 0.5) == pytest.approx(0.7), "the second is the first with noise"


def test_together_they_are_undefined_where_the_truth_does_not_vary() -> None:
    assert math.isnan(multiple_r(math.nan, math.nan, 0.5))
    assert multiple_r(0.6, 0.0, math.nan) == 0.6, "a constant prediction adds nothing"
