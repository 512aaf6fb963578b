import numpy as np
import pandas as pd
import pytest

from degradation.factored import FACTORS, FactoredRecipe
from degradation.recipe import load_recipe
from degradation.seeds import stream
from labeling.scores import DIMENSIONS
from pipelines.checks.scores import SEVERITIES, find_label_faults
from pipelines.settings import CONFIGS


@pytest.fixture(scope="module")
def factored() -> FactoredRecipe:
    recipe = load_recipe(CONFIGS / "recipes" / "factored.yaml")
    assert isinstance(recipe, FactoredRecipe)
    return recipe


@pytest.fixture
def rows(factored: FactoredRecipe) -> pd.DataFrame:
    rng = stream(0, "rows")
    seven = np.array([factored.draw_severities(rng) for _ in range(100)])
    severity = np.column_stack([seven, [factored.overall(each) for each in seven]])
    scores = factored.score_curve.score(severity).astype(np.float32)
    tiers = [factored.score_curve.tier(jnd) for jnd in severity[:, -1]]
    return pd.DataFrame(
        np.column_stack([scores, severity]), columns=[*DIMENSIONS, *SEVERITIES]
    ).assign(tier=tiers)


def test_labels_that_follow_from_severities_are_sound(
    rows: pd.DataFrame, factored: FactoredRecipe
) -> None:
    assert find_label_faults(rows, factored) == []
    assert tuple(DIMENSIONS) == (*FACTORS, "overall_interpretation")


@pytest.mark.parametrize(
    ("column", "value", "label"),
    [
        ("pedal_technique", 51.5, "pedal_technique"),
        ("tier", "no tier", "tier"),
        ("pedal_technique", None, "missing"),
        ("severity_tone_quality", None, "missing"),
        ("severity_overall_interpretation", 7.7, "overall severity"),
    ],
)
def test_each_label_that_does_not_is_found(
    rows: pd.DataFrame, factored: FactoredRecipe, column: str, value: object, label: str
) -> None:
    rows.loc[3, column] = value
    found = {str(fault["label"]): fault["rows"] for fault in find_label_faults(rows, factored)}
    assert found[label] == 1
