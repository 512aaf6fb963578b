import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from models.evaluation.counterfactuals.families import Families
from models.evaluation.counterfactuals.recording_invariance import recording_invariance

Graded = Callable[[str], Families]


def test_who_knows_all_does_not_care_for_the_recording(graded: Graded) -> None:
    found = recording_invariance(graded("knows all"))
    assert found is not None
    assert found.change == found.share == (0,) * 8


def test_who_takes_another_recording_for_trouble_is_found_out(graded: Graded) -> None:
    found = recording_invariance(graded("hears trouble"))
    assert found is not None
    # Twins 1, 2 and 3 lose 3, 6 and 9 points; 4 JND of one factor lose about 12.
    assert found.change == pytest.approx((6,) * 8, abs=1)
    assert found.share == pytest.approx((0.5,) * 8, abs=0.1)


def test_where_damage_changes_nothing_there_is_nothing_to_compare_with(graded: Graded) -> None:
    found = recording_invariance(graded("says the same"))
    assert found is not None
    assert found.change == (0,) * 8
    assert np.isnan(found.share).all()


def test_the_overall_dimension_is_compared_with_the_mean_factor(graded: Graded) -> None:
    families = graded("knows all")
    moved = dataclasses.replace(families, twins=families.twins - 2)
    found = recording_invariance(moved)
    assert found is not None
    caused = np.abs(families.change[:, :, families.reference, 7]).mean()
    assert found.share[7] == pytest.approx(2 / caused)


def test_missing_twins_are_left_out_and_none_at_all_is_nothing_to_judge(graded: Graded) -> None:
    families = graded("knows all")
    twins = families.twins - 4
    twins[0] = np.nan
    twins[1, 1:] = np.nan
    found = recording_invariance(dataclasses.replace(families, twins=twins))
    assert found is not None
    assert found.change == pytest.approx((4,) * 8)
    assert recording_invariance(dataclasses.replace(families, twins=families.twins[:, :0])) is None
    assert (
        recording_invariance(dataclasses.replace(families, twins=np.full_like(twins, np.nan)))
        is None
    )
