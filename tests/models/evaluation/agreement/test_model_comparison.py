import dataclasses
import math

import numpy as np
import pytest

from models.config.experiment import Experiment
from models.evaluation.agreement.model_comparison import (
    Predictions,
    best_of,
    compare_best,
    compare_late,
    join_late,
    multiple_r,
    sound_gains,
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


def test_a_better_fusion_gains_its_share_of_the_headroom(
    true: np.ndarray,
) -> None:
    models = [model("audio_only", true, 10, 1), model("gated", true, 5, 2)]
    found = compare_best(models, CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert found.fusion_r - found.single_r == pytest.approx(found.difference)
    assert found.headroom == pytest.approx(1 - found.single_r)
    assert found.share_of_headroom == pytest.approx(found.difference / found.headroom)
    assert 0 < found.interval.low < found.difference < found.interval.high
    assert np.isnan(found.both_singles_r), "one single alone"


def test_a_worse_fusion_loses(true: np.ndarray) -> None:
    models = [model("midi_only", true, 5, 1), model("concat", true, 12, 2)]
    found = compare_best(models, CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert found.interval.high < 0


def test_the_best_is_chosen_on_validation_and_not_on_what_is_judged(true: np.ndarray) -> None:
    lucky = model("gated", true, 2, 1, validation=0.5)
    sound = model("concat", true, 9, 2, validation=0.6)
    single = model("audio_only", true, 9, 3)
    found = compare_best([lucky, sound, single], CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert found.fusion == "concat"


def test_an_undefined_validation_r_is_never_the_best(true: np.ndarray) -> None:
    known = model("audio_only", true, 9, 1, validation=0.1)
    unknown = model("midi_only", true, 1, 2, validation=float("nan"))
    assert best_of([unknown, known]).name == "audio_only"


def test_both_singles_together_are_an_upper_bound_of_their_mean(true: np.ndarray) -> None:
    hears, reads = model("audio_only", true, 8, 1), model("midi_only", true, 10, 2)
    found = compare_best([hears, reads, model("gated", true, 9, 3)], CLUSTERS, 1.0, seed=0)
    assert found is not None
    average = pearson_r(true, (hears.predicted + reads.predicted) / 2).mean()
    assert average <= found.both_singles_r < average + 0.02
    # Their errors are drawn apart.
    assert found.independent_r == pytest.approx(found.both_singles_r, abs=0.01)


def test_plain_measures_are_a_single_but_not_one_of_both(true: np.ndarray) -> None:
    models = [model("audio_only", true, 8, 1), model("midi_only", true, 10, 2)]
    models.append(model("gated", true, 9, 3))
    without = compare_best(models, CLUSTERS, 1.0, seed=0)
    found = compare_best([model("heuristics_only", true, 4, 4), *models], CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert without is not None
    assert found.single == "heuristics_only"
    assert found.both_singles_r == without.both_singles_r


def test_singles_that_err_alike_reach_less_than_independent_ones(true: np.ndarray) -> None:
    hears = model("audio_only", true, 10, 1)
    reads = dataclasses.replace(hears, name="midi_only")
    found = compare_best([hears, reads, model("gated", true, 9, 3)], CLUSTERS, 1.0, seed=0)
    assert found is not None
    assert found.both_singles_r == pytest.approx(found.single_r)
    assert found.independent_r > found.both_singles_r + 0.02


def test_no_headroom_has_no_share_and_no_pair_no_comparison(true: np.ndarray) -> None:
    models = [model("audio_only", true, 1, 1), model("gated", true, 2, 2)]
    found = compare_best(models, CLUSTERS, 0.9, seed=0)
    assert found is not None
    assert found.headroom < 0
    assert np.isnan(found.share_of_headroom)
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


def late(name: Experiment, true: np.ndarray, noise: float, seed: int, seen: int) -> Predictions:
    """Return a model that erred on validation as on what is judged; `seen` is the rows there."""
    one = model(name, true, noise, seed)
    rng = np.random.default_rng(seed + 10)
    learnt = np.random.default_rng(9).normal(75, 10, (seen, 8))
    return dataclasses.replace(
        one, validation=(learnt, learnt + rng.normal(0, noise, learnt.shape))
    )


def test_late_fusion_is_the_line_that_validation_gives(true: np.ndarray) -> None:
    hears, reads = late("audio_only", true, 8, 1, 400), late("midi_only", true, 10, 2, 400)
    found = compare_late([hears, reads], CLUSTERS, 1.0, seed=0)
    assert found is not None
    both = compare_best([hears, reads, model("gated", true, 9, 3)], CLUSTERS, 1.0, seed=0)
    assert both is not None
    # Errors drawn apart: the fitted line comes close to the most that a weighted mean reaches.
    assert both.both_singles_r - 0.01 < found.agreement.mean_r <= both.both_singles_r
    best_r = pearson_r(true, hears.predicted).mean()
    assert found.gain.mean_r == pytest.approx(found.agreement.mean_r - best_r)
    assert found.share_of_headroom == pytest.approx(found.gain.mean_r / (1 - best_r))
    assert 0 < found.gain.interval.low < found.gain.mean_r
    assert 0 < found.share_interval.low < found.share_of_headroom < found.share_interval.high
    learnt, said = hears.validation
    design = np.column_stack([np.ones(400), said[:, 0], reads.validation[1][:, 0]])
    line = np.linalg.lstsq(design, learnt[:, 0])[0]
    expected = line[0] + line[1] * hears.predicted[:, 0] + line[2] * reads.predicted[:, 0]
    np.testing.assert_allclose(join_late([hears, reads])[:, 0], expected)


def test_late_fusion_turns_no_model_around(true: np.ndarray) -> None:
    hears, reads = late("audio_only", true, 8, 1, 400), late("midi_only", true, 10, 2, 400)
    learnt, said = reads.validation
    against = dataclasses.replace(reads, validation=(learnt, 150 - said))
    joined = join_late([hears, against])
    assert pearson_r(joined, hears.predicted) == pytest.approx([1.0] * 8), "the other weighs 0"
    assert join_late([hears, model("midi_only", true, 10, 2)]) is None
    assert compare_late([hears], CLUSTERS, 1.0, seed=0) is None


def test_a_fusions_gain_over_the_notes_is_by_dimension(true: np.ndarray) -> None:
    reads, fusion = model("midi_only", true, 8, 1), model("gated", true, 8, 1)
    fusion.predicted[:, 6] = true[:, 6]
    gains = sound_gains([reads, fusion], CLUSTERS, seed=0)
    assert [one.interval.excludes_zero for one in gains] == [False] * 6 + [True, False]
    assert gains[6].mean_r == pytest.approx(1 - pearson_r(true, reads.predicted)[6])
    assert sound_gains([reads], CLUSTERS, seed=0) == ()
