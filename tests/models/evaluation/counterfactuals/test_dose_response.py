from collections.abc import Callable

import numpy as np
import pytest

from models.evaluation.counterfactuals.dose_response import (
    dose_response,
    fall_share,
    far_apart,
)
from models.evaluation.counterfactuals.families import Families

DOSES = (0, 0.5, 1, 2, 4, 8)
Graded = Callable[[str], Families]


def test_pairs_of_doses() -> None:
    assert [(DOSES[a], DOSES[b]) for a, b in far_apart(DOSES)] == [
        (0, 2), (0, 4), (0, 8), (0.5, 4), (0.5, 8), (1, 4), (1, 8), (2, 4), (2, 8), (4, 8)
    ]  # fmt: skip


def test_who_knows_all_falls_in_the_factor_s_dimension_and_the_overall_one_alone(
    graded: Graded,
) -> None:
    found = dose_response(graded("knows all"), seed=0)
    expected = np.full((7, 8), 0.5)
    np.fill_diagonal(expected, 1)
    expected[:, 7] = 1
    assert np.array(found.ordered) == pytest.approx(expected)


def test_who_has_the_sign_wrong_never_falls(graded: Graded) -> None:
    found = dose_response(graded("turned round"), seed=0)
    assert np.diagonal(found.ordered).tolist() == [0] * 7


def test_who_says_the_same_is_at_chance_and_no_better(graded: Graded) -> None:
    found = dose_response(graded("says the same"), seed=0)
    assert set(np.ravel(found.ordered)) == {0.5}


def test_who_follows_one_factor_follows_it_in_every_dimension(graded: Graded) -> None:
    ordered = np.array(dose_response(graded("follows one"), seed=0).ordered)
    assert (ordered[1] == 1).all()
    assert (np.delete(ordered, 1, axis=0) == 0.5).all()


def test_factors_that_notes_show_are_ordered_and_others_guessed(graded: Graded) -> None:
    found = dose_response(graded("reads notes"), seed=0)
    seen = [0, 1, 2, 5, 6]
    assert (np.diagonal(found.ordered)[seen] == 1).all()
    assert np.abs(np.diagonal(found.ordered)[[3, 4]] - 0.5).max() < 0.15


def test_curves_are_means_with_intervals_around_them(graded: Graded) -> None:
    families = graded("hears trouble")
    curve = dose_response(families, seed=0).curve
    mean, low, high = (np.array(part) for part in (curve.mean, curve.low, curve.high))
    assert mean.shape == (7, 6, 8)
    assert mean == pytest.approx(families.doses.mean(axis=0))
    assert (low <= mean).all()
    assert (mean <= high).all()


@pytest.mark.parametrize("sparse_base", [75.0, 100.0])
def test_passages_without_the_light_doses_do_not_bend_a_curve(sparse_base: float) -> None:
    """Every family falls by the same, from where it is; half of them have no light dose."""
    fall = np.array([0, -1, -2, -4, -8, -16.0])
    base = np.where(np.arange(20) < 10, 90.0, sparse_base)
    doses = np.tile((base[:, None] + fall)[:, None, :, None], (1, 7, 1, 8))
    doses[10:, :, 1:3] = np.nan
    families = Families(
        names=tuple(f"family {i}" for i in range(20)),
        compositions=tuple(f"piece {i}" for i in range(20)),
        doses_jnd=DOSES, base=doses[:, 0, 0], doses=doses, twins=np.empty((20, 0, 8)),
    )  # fmt: skip
    curve = dose_response(families, seed=0).curve
    low, high = np.array(curve.low), np.array(curve.high)
    assert np.array(curve.mean) == pytest.approx(np.tile((base.mean() + fall)[:, None], (7, 1, 8)))
    assert high - low == pytest.approx(np.full_like(low, (high - low)[0, 0, 0])), "of the base"


def test_missing_rows_are_left_out() -> None:
    doses = np.full((2, 7, 3, 8), np.nan)
    doses[0, :, :] = np.array([9.0, 8.0, 7.0])[:, None]
    doses[1, :, 0] = 9.0
    families = Families(
        names=("a", "b"), compositions=("a", "b"), doses_jnd=(0, 2, 4), doses=doses,
        base=doses[:, 0, 0], twins=np.empty((2, 0, 8)),
    )  # fmt: skip
    assert (fall_share(families, [(0, 1), (1, 2)]) == 1).all()
    doses[0, 3, 1] = np.nan
    assert np.isnan(fall_share(families, [(0, 1)])[3]).all()
    assert np.isnan(fall_share(families, [])).all(), "no doses so far apart"
