from collections.abc import Callable

import numpy as np
import pytest

from models.evaluation.counterfactuals.factor_effects import factor_effects
from models.evaluation.counterfactuals.families import FACTORS, Families

Graded = Callable[[str], Families]


def test_who_knows_all_moves_the_factor_s_dimension_and_the_overall_one(graded: Graded) -> None:
    found = factor_effects(graded("knows all"), seed=0)
    change = np.array(found.change)
    own = np.interp(4, (0, 1, 2, 3.5, 8), (100, 95, 80, 65, 50)) - 100
    assert np.diagonal(change) == pytest.approx(own)
    change[np.arange(7), np.arange(7)] = 0
    assert (change[:, :7] == 0).all()
    assert (change[:, 7] < -5).all()
    assert found.falls_most == FACTORS


def test_who_hears_that_something_is_wrong_does_not_know_what(graded: Graded) -> None:
    found = factor_effects(graded("hears trouble"), seed=0)
    assert found.falls_most != FACTORS
    assert (np.array(found.change) < 0).all()


def test_who_follows_one_factor_moves_for_no_other(graded: Graded) -> None:
    found = factor_effects(graded("follows one"), seed=0)
    change = np.array(found.change)
    assert (change[1] < -30).all()
    assert (np.delete(change, 1, axis=0) == 0).all()
    assert found.falls_most == (None,) * 7, "several fall as much"


def test_who_has_the_sign_wrong_rises(graded: Graded) -> None:
    found = factor_effects(graded("turned round"), seed=0)
    assert (np.diagonal(found.change) > 30).all()
    assert found.falls_most == (None,) * 7
