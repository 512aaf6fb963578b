import math

import numpy as np
import pytest

from models.evaluation.agreement.significance import holm, multiple_r, williams


def test_the_reference_value() -> None:
    found = williams(0.5, 0.4, 0.1, 103)
    assert (found.t, found.df, found.p) == (
        pytest.approx(0.8913, abs=5e-5), 100, pytest.approx(0.375, abs=5e-4)
    )  # fmt: skip


def test_exchanging_the_models_turns_the_sign_alone() -> None:
    one, other = williams(0.7, 0.6, 0.5, 60), williams(0.6, 0.7, 0.5, 60)
    assert one.t == pytest.approx(-other.t)
    assert one.t > 0
    assert one.p == pytest.approx(other.p)


def test_equal_correlations_do_not_differ() -> None:
    assert williams(0.5, 0.5, 0.2, 50).t == 0
    assert williams(0.5, 0.5, 0.2, 50).p == 1


def test_the_more_alike_two_models_are_the_surer_a_difference_is() -> None:
    assert williams(0.7, 0.6, 0.9, 60).p < williams(0.7, 0.6, 0.3, 60).p


def test_the_same_predictions_are_nothing_to_test() -> None:
    found = williams(0.5, 0.5, 1.0, 50)
    assert math.isnan(found.t)
    assert math.isnan(found.p)
    assert math.isnan(williams(math.nan, 0.5, 0.1, 50).p)


def test_with_a_truth_that_does_not_vary_nothing_correlates_however_weighed() -> None:
    assert math.isnan(multiple_r(math.nan, math.nan, 0.5))
    assert multiple_r(0.6, 0.0, math.nan) == 0.6, "a constant prediction adds nothing"


def test_it_rejects_as_often_as_it_says_where_samples_are_independent() -> None:
    rejected, trials = 0, 400
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        truth = rng.normal(size=80)
        first, second = (truth + rng.normal(size=80) for _ in range(2))
        r = np.corrcoef([truth, first, second])
        rejected += williams(r[0, 1], r[0, 2], r[1, 2], 80).p < 0.05
    assert 0.02 < rejected / trials < 0.09


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_too_few_samples_are_no_test(samples: int) -> None:
    found = williams(0.5, 0.4, 0.1, samples)
    assert math.isnan(found.t)
    assert math.isnan(found.p)
    assert williams(0.5, 0.4, 0.1, 4).df == 1


def test_impossible_correlations_are_refused() -> None:
    with pytest.raises(ValueError, match="must lie in"):
        williams(1.5, 0.4, 0.1, 30)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.9]) == (1, 1)
    assert holm([]) == ()


def test_holm_is_between_doing_nothing_and_bonferroni_and_keeps_the_order() -> None:
    for seed in range(20):
        p = np.random.default_rng(seed).uniform(0, 0.2, 8)
        adjusted = np.array(holm(list(p)))
        assert (adjusted >= p).all()
        assert (adjusted <= np.minimum(8 * p, 1)).all()
        assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


def test_what_was_no_test_does_not_count_as_one() -> None:
    adjusted = holm([0.02, math.nan, 0.5])
    assert adjusted[0] == pytest.approx(0.04)
    assert math.isnan(adjusted[1])


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
