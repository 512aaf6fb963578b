from pathlib import Path

import pytest

from degradation.draws import FactoredDraw
from degradation.factored import FACTORS, FactoredRecipe
from degradation.recipe import load_recipe
from labeling.scores import DIMENSIONS, draw_scores, severities

FACTORED = Path(__file__).parents[2] / "configs" / "recipes" / "factored.yaml"


@pytest.fixture(scope="module")
def factored() -> FactoredRecipe:
    recipe = load_recipe(FACTORED)
    assert isinstance(recipe, FactoredRecipe)
    return recipe


def draw(recipe: FactoredRecipe, *severity_jnd: float) -> FactoredDraw:
    return FactoredDraw(recipe=recipe, segment_id="a", number=0, severity_jnd=severity_jnd)


def test_the_dimensions_are_the_factors_and_their_whole() -> None:
    assert (*FACTORS, "overall_interpretation") == DIMENSIONS


def test_scores_are_the_curve_of_each_severity(factored: FactoredRecipe) -> None:
    scores = draw_scores(draw(factored, 0, 0.5, 1, 2, 3.5, 8, 0))
    assert list(scores) == list(DIMENSIONS)
    assert list(scores.values())[:7] == [100, 97.5, 95, 80, 65, 50, 100]
    overall = severities(draw(factored, 0, 0.5, 1, 2, 3.5, 8, 0))["overall_interpretation"]
    assert overall == pytest.approx(((0.25 + 1 + 4 + 12.25 + 64) / 7) ** 0.5)
    assert scores["overall_interpretation"] == factored.score_curve.score(overall)


def test_undamaged_playing_scores_full_marks(factored: FactoredRecipe) -> None:
    assert set(draw_scores(draw(factored, *[0.0] * 7)).values()) == {100.0}
