"""Tiered draws: which tier each falls into, and its random streams."""

from collections import Counter

import numpy as np
import pytest
import scipy.stats

from degradation.draws import TieredDraw, tier_of, tiered_draws
from degradation.recipe import TIERS
from degradation.sound_effects import Noise
from degradation.tiered import TieredRecipe
from degradation.wrong_notes import WrongNotes

SEGMENTS = [f"segment-{number}" for number in range(2500)]


def tiers_of(recipe: TieredRecipe) -> list[str]:
    return [draw.tier for segment in SEGMENTS for draw in tiered_draws(recipe, segment)]


def with_tier(recipe: TieredRecipe, tier: str, **changes: object) -> TieredRecipe:
    values = recipe.model_dump()
    values["tiers"][tier] |= changes
    return TieredRecipe.model_validate(values)


def with_probabilities(recipe: TieredRecipe, **probabilities: float) -> TieredRecipe:
    values = recipe.model_dump()
    for tier, probability in probabilities.items():
        values["tiers"][tier]["probability"] = probability
    return TieredRecipe.model_validate(values)


def test_tiers_come_as_often_as_the_recipe_says(phase2: TieredRecipe) -> None:
    counts = Counter(tiers_of(phase2))
    total = sum(counts.values())
    assert total == 10_000
    for tier in TIERS:
        probability = phase2.tiers[tier].probability
        low, high = scipy.stats.binom.interval(0.999, total, probability)
        assert low <= counts[tier] <= high, tier


def test_the_draws_of_a_segment_fall_independently(phase2: TieredRecipe) -> None:
    tiers = np.array([TIERS.index(tier) for tier in tiers_of(phase2)]).reshape(-1, phase2.draws)
    pairs = scipy.stats.contingency.crosstab(tiers[:, 0], tiers[:, 1]).count
    assert scipy.stats.chi2_contingency(pairs).pvalue > 0.001


def test_no_draw_changes_tier_when_a_tier_is_edited(phase2: TieredRecipe) -> None:
    edited = with_tier(phase2, "poor", operations=[Noise(snr_db=3)], scores=(10, 20))
    edited = with_tier(edited, "good", operations=[])
    assert tiers_of(edited) == tiers_of(phase2)


def test_a_draw_changes_tier_with_seed_name_and_probabilities_alone(phase2: TieredRecipe) -> None:
    tiers = tiers_of(phase2)
    assert tiers_of(phase2.model_copy(update={"seed": 1})) != tiers
    assert tiers_of(phase2.model_copy(update={"name": "other"})) != tiers
    assert tiers_of(phase2.model_copy(update={"audio_source": "recorded"})) == tiers
    swapped = with_probabilities(phase2, moderate=0.15, poor=0.25)
    assert tiers_of(swapped) != tiers


@pytest.mark.parametrize("never", TIERS)
def test_a_tier_of_no_probability_is_never_drawn(phase2: TieredRecipe, never: str) -> None:
    heir = "good" if never != "good" else "poor"
    together = phase2.tiers[never].probability + phase2.tiers[heir].probability
    recipe = with_probabilities(phase2, **{never: 0.0, heir: together})
    assert never not in tiers_of(recipe)


def test_more_draws_leave_the_first_ones_as_they_were(phase2: TieredRecipe) -> None:
    more = phase2.model_copy(update={"draws": 9})
    few = tiered_draws(phase2, "a")
    assert [d.tier for d in tiered_draws(more, "a")][:4] == [d.tier for d in few]


def test_adding_an_operation_leaves_the_streams_of_the_others(phase2: TieredRecipe) -> None:
    operations = phase2.tiers["good"].operations
    slips = WrongNotes(share=0.1, reach_semitones=2)
    more = with_tier(phase2, "good", operations=(slips, *operations))
    for operation in operations:
        before, after = (
            TieredDraw(recipe=recipe, segment_id="a", number=1, tier="good").stream(
                operation.operation
            )
            for recipe in (phase2, more)
        )
        assert before.random(5).tolist() == after.random(5).tolist()


def test_each_purpose_draw_and_segment_has_its_own_stream(phase2: TieredRecipe) -> None:
    first = {
        (segment, number, purpose): TieredDraw(
            recipe=phase2, segment_id=segment, number=number, tier="poor"
        )
        .stream(purpose)
        .random()
        for segment in ("a", "b")
        for number in range(4)
        for purpose in ("noise", "onset_jitter", "scores")
    }
    assert len(set(first.values())) == len(first)


def test_sample_ids_are_readable_stable_and_unique(phase2: TieredRecipe) -> None:
    draws = [draw for segment in SEGMENTS[:50] for draw in tiered_draws(phase2, segment)]
    assert draws[1].sample_id == "segment-0-phase2-d1"
    assert len({draw.sample_id for draw in draws}) == len(draws)


def test_the_damage_of_a_draw_is_that_of_its_tier(phase2: TieredRecipe) -> None:
    for draw in tiered_draws(phase2, "a"):
        assert draw.tier == tier_of(phase2, "a", draw.number)
        assert draw.damage == phase2.tiers[draw.tier]


@pytest.mark.parametrize("seed", range(3))
def test_tiers_are_the_same_in_any_order(phase2: TieredRecipe, seed: int) -> None:
    recipe = phase2.model_copy(update={"seed": seed})
    forwards = {segment: tier_of(recipe, segment, 0) for segment in SEGMENTS[:200]}
    backwards = {segment: tier_of(recipe, segment, 0) for segment in reversed(SEGMENTS[:200])}
    assert forwards == backwards


def test_a_draw_of_a_tier_that_does_nothing_repeats_the_first_of_its_segment(
    phase2: TieredRecipe,
) -> None:
    repeated = 0
    for segment in SEGMENTS[:50]:
        draws = tiered_draws(phase2, segment)
        pristine = [draw for draw in draws if draw.tier == "pristine"]
        expected = {draw.sample_id: pristine[0].sample_id for draw in pristine[1:]}
        # Each is asked alone, the last one first: nothing depends on what was asked before.
        found = {draw.sample_id: draw.duplicate_of for draw in reversed(draws)}
        assert {name: first for name, first in found.items() if first} == expected
        repeated += len(expected)
    assert repeated
