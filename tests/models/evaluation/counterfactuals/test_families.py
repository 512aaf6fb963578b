import numpy as np
import pandas as pd
import pytest

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.evaluation.counterfactuals.families import FACTORS, NUISANCE, arrange, had_effect


def test_every_row_finds_its_place_in_whatever_order_they_come(families: pd.DataFrame) -> None:
    found = arrange(families.sample(frac=1, random_state=3), DIMENSIONS)
    assert found.doses.shape == (12, 7, 6, 8)
    assert found.twins.shape == (12, 3, 8)
    assert found.doses_jnd == (0, 0.5, 1, 2, 4, 8)
    for _, row in families[families["varied"].isin(FACTORS)].iterrows():
        place = (
            found.names.index(row["family"]),
            FACTORS.index(row["varied"]),
            found.doses_jnd.index(row["varied_severity_jnd"]),
        )
        assert found.doses[place].tolist() == row[list(DIMENSIONS)].tolist()
        assert found.compositions[place[0]] == row["composition"]
    assert (found.twins == 100).all()


def test_the_first_dose_of_every_factor_is_the_base(families: pd.DataFrame) -> None:
    marked = families.copy()
    based = marked["varied"] == "nothing"
    marked.loc[based, "pedal_technique"] = np.arange(based.sum())
    found = arrange(marked, ["pedal_technique"])
    assert (found.doses[:, :, 0, 0] == found.base[:, None, 0]).all()
    assert sorted(found.base[:, 0]) == list(range(12))
    assert (found.change[:, :, 0] == 0).all()
    assert found.doses_jnd[found.reference] == 4


def test_a_missing_row_is_nan_and_a_missing_base_leaves_its_family_out(
    families: pd.DataFrame,
) -> None:
    one = (families["family"] == "family 0") & (families["varied_severity_jnd"] == 8)
    base = (families["family"] == "family 1") & (families["varied"] == "nothing")
    twin = (families["family"] == "family 2") & (families["varied"] == NUISANCE)
    found = arrange(families[~(one | base | twin)], DIMENSIONS)
    assert "family 1" not in found.names
    assert np.isnan(found.doses[found.names.index("family 0"), :, -1]).all()
    assert np.isnan(found.doses).sum() == 7 * 8
    assert np.isnan(found.twins).sum() == 3 * 8


def test_a_factor_that_a_family_has_at_no_dose_has_no_base_there_either(
    families: pd.DataFrame,
) -> None:
    bare = (families["family"] == "family 0") & (families["varied"] == "pedal_technique")
    found = arrange(families[~bare], DIMENSIONS)
    place = (found.names.index("family 0"), FACTORS.index("pedal_technique"))
    assert np.isnan(found.doses[place]).all()
    assert np.isnan(found.doses).sum() == 6 * 8
    assert not np.isnan(found.base).any()


def test_what_cannot_be_arranged_is_refused(families: pd.DataFrame) -> None:
    odd = families.assign(varied=families["varied"].replace("tone_quality", "loudness"))
    with pytest.raises(UserError, match=r"vary \['loudness'\]"):
        arrange(odd, DIMENSIONS)
    with pytest.raises(UserError, match="0 families with a base"):
        arrange(families[families["varied"] != "nothing"], DIMENSIONS)
    with pytest.raises(UserError, match="none with a factor at a dose"):
        arrange(families[~families["varied"].isin(FACTORS)], DIMENSIONS)


@pytest.mark.parametrize(
    ("left", "reference_jnd"), [((0.5, 1, 2, 4, 8), 4), ((1, 2, 8), 2), ((0.5, 1), 1), ((8,), 8)]
)
def test_movements_are_taken_at_the_dose_nearest_4_jnd(
    families: pd.DataFrame, left: tuple[float, ...], reference_jnd: float
) -> None:
    found = arrange(families[families["varied_severity_jnd"].isin((0, *left))], DIMENSIONS)
    assert found.reference_jnd == reference_jnd
    assert found.doses_jnd[found.reference] == reference_jnd


def test_a_factor_that_found_nothing_to_act_on_is_not_felt(families: pd.DataFrame) -> None:
    assert had_effect(families).all()
    bare = (families["family"] == "family 3") & (families["varied"] == "pedal_technique")
    without = families.copy()
    without.loc[bare, list(DIMENSIONS)] = 100.0
    assert (~had_effect(without)).equals(bare)
