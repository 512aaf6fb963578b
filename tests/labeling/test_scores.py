from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from degradation.draws import TieredDraw
from degradation.recipe import TIERS, load_recipe
from degradation.tiered import TieredRecipe
from labeling.scores import DIMENSIONS, draw_scores

PHASE2 = Path(__file__).parents[2] / "configs" / "recipes" / "phase2.yaml"


@pytest.fixture(scope="module")
def phase2() -> TieredRecipe:
    return load_recipe(PHASE2)


def scores_of(recipe: TieredRecipe, tier: str, segments: Sequence[int]) -> np.ndarray:
    """Shape (segments, dimensions)."""
    draws = (TieredDraw(recipe=recipe, segment_id=f"s{n}", number=0, tier=tier) for n in segments)
    return np.array([list(draw_scores(draw).values()) for draw in draws])


def test_the_eight_dimensions_stand_in_the_order_of_every_table() -> None:
    assert DIMENSIONS == (
        "note_accuracy", "rhythmic_stability", "articulation_clarity", "pedal_technique",
        "tone_quality", "dynamic_range", "musical_expression", "overall_interpretation",
    )  # fmt: skip


@pytest.mark.parametrize("tier", TIERS)
def test_scores_are_uniform_in_the_range_of_the_tier(phase2: TieredRecipe, tier: str) -> None:
    low, high = phase2.tiers[tier].scores
    scores = scores_of(phase2, tier, range(1000))
    assert scores.min() >= low
    assert scores.max() <= high
    for dimension in scores.T:
        assert scipy.stats.kstest(dimension, "uniform", (low, high - low)).pvalue > 0.0005


def test_scores_are_independent_of_each_other_inside_a_tier(phase2: TieredRecipe) -> None:
    correlation = np.corrcoef(scores_of(phase2, "good", range(3000)).T)
    off_diagonal = correlation[~np.eye(len(DIMENSIONS), dtype=bool)]
    assert np.abs(off_diagonal).max() < 4 / np.sqrt(3000)


def test_a_draw_has_the_same_scores_whatever_was_drawn_before(phase2: TieredRecipe) -> None:
    forwards = scores_of(phase2, "poor", range(10))
    assert np.array_equal(scores_of(phase2, "poor", range(9, -1, -1))[::-1], forwards)
    draw = TieredDraw(recipe=phase2, segment_id="a", number=0, tier="poor")
    assert list(draw_scores(draw)) == list(DIMENSIONS)


def test_scores_stay_where_they_are_when_operations_change(phase2: TieredRecipe) -> None:
    bare = phase2.tiers["poor"].model_copy(update={"operations": ()})
    edited = phase2.model_copy(update={"tiers": phase2.tiers | {"poor": bare}})
    assert np.array_equal(
        scores_of(edited, "poor", range(20)), scores_of(phase2, "poor", range(20))
    )
