"""Draws and families of factored recipes: one thing varies, and labels claim what was done."""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from degradation.degrade import damage_notes
from degradation.draws import (
    HELD_OUT,
    NOTHING,
    NUISANCE,
    FactoredDraw,
    factored_draws,
    family_of,
    has_family,
    with_effective_severities,
)
from degradation.factored import FACTORS, FactoredRecipe
from degradation.notes import Performance
from degradation.recipe import TIERS

Compose = Callable[..., Performance]

SEGMENTS = [f"segment-{number}" for number in range(1500)]


@pytest.fixture(scope="module")
def clean(compose: Compose) -> Performance:
    """Dense playing on which every factor can strike."""
    return compose(3)


@pytest.fixture(scope="module")
def family(factored: FactoredRecipe, clean: Performance) -> list[FactoredDraw]:
    return with_effective_severities(family_of(factored, "segment"), clean)


def damaged(draw: FactoredDraw, clean: Performance) -> Performance:
    return damage_notes(clean, draw.note_operations, draw.stream).performance


def with_share(recipe: FactoredRecipe, share: float) -> FactoredRecipe:
    counterfactual = recipe.counterfactual.model_copy(update={"share": share})
    return recipe.model_copy(update={"counterfactual": counterfactual})


def test_every_factor_applies_to_the_music_of_these_tests(
    factored: FactoredRecipe, clean: Performance
) -> None:
    assert all(factor.can_apply(clean) for factor in factored.factors.values())


def test_tiers_come_as_often_as_the_recipe_expects(
    factored: FactoredRecipe, clean: Performance
) -> None:
    draws = [d for name in SEGMENTS[:250] for d in factored_draws(factored, name, "train", clean)]
    counts = Counter(draw.tier for draw in draws)
    for tier in TIERS:
        assert counts[tier] / len(draws) == pytest.approx(factored.tier_shares[tier], abs=0.04)


def test_a_draw_follows_from_its_names_alone(factored: FactoredRecipe, clean: Performance) -> None:
    once, again = (factored_draws(factored, "a", "train", clean) for _ in range(2))
    assert once == again
    assert len({draw.severity_jnd for draw in once}) == factored.draws
    assert factored_draws(factored, "b", "train", clean)[0].severity_jnd != once[0].severity_jnd
    louder = factored.nuisance.model_copy(update={"gain_db": (0.0, 1.0)})
    same = factored_draws(factored.model_copy(update={"nuisance": louder}), "a", "train", clean)
    assert [draw.severity_jnd for draw in same] == [draw.severity_jnd for draw in once]


def test_what_finds_nothing_to_act_on_has_no_severity(
    factored: FactoredRecipe, clean: Performance
) -> None:
    dry = replace(clean, pedal=clean.pedal[:0])
    pedal = FACTORS.index("pedal_technique")
    for name in SEGMENTS[:20]:
        pairs = zip(
            factored_draws(factored, name, "train", clean),
            factored_draws(factored, name, "train", dry),
            strict=True,
        )
        for with_pedal, without in pairs:
            assert with_pedal.severity_jnd[pedal] > 0
            assert without.severity_jnd[pedal] == 0
            assert without.overall_severity_jnd < with_pedal.overall_severity_jnd
            names = [operation.operation for operation in without.note_operations]
            assert not [name for name in names if name.startswith("pedal")]


def test_a_single_note_is_hardly_damaged_and_says_so(
    factored: FactoredRecipe, assemble: Callable[..., Performance]
) -> None:
    lone = assemble([(1.0, 2.0, 60, 64)])
    for name in SEGMENTS[:50]:
        for draw in factored_draws(factored, name, "train", lone):
            felt = {factor for factor, jnd in draw.severities_jnd.items() if jnd}
            assert felt <= {"note_accuracy", "articulation_clarity"}


def test_a_label_claims_no_damage_that_is_not_there(
    factored: FactoredRecipe, assemble: Callable[..., Performance]
) -> None:
    few = assemble([(0.5 * n, 0.5 * n + 0.4, 60 + n, 50 + n) for n in range(8)])
    slips = FACTORS.index("note_accuracy")
    claimed = []
    for name in SEGMENTS[:30]:
        for draw in factored_draws(factored, name, "train", few):
            edits = damage_notes(few, draw.note_operations, draw.stream).edits
            claimed.append(draw.severity_jnd[slips] > 0)
            assert claimed[-1] == ("slips" in edits and len(edits["slips"].notes) > 0)
    assert 0 < sum(claimed) < len(claimed) / 2


def test_a_share_of_the_held_out_segments_has_a_family(factored: FactoredRecipe) -> None:
    recipe = with_share(factored, 0.1)
    for split in HELD_OUT:
        chosen = [has_family(recipe, name, split) for name in SEGMENTS]
        assert np.mean(chosen) == pytest.approx(0.1, abs=0.03)
    assert not any(has_family(recipe, name, "train") for name in SEGMENTS)
    fewer = with_share(factored, 0.05)
    assert all(
        has_family(recipe, name, "test") for name in SEGMENTS if has_family(fewer, name, "test")
    )


def test_a_family_comes_beside_the_ordinary_draws(
    factored: FactoredRecipe, clean: Performance, family: list[FactoredDraw]
) -> None:
    draws = factored_draws(with_share(factored, 1.0), "segment", "test", clean)
    assert len(draws) == factored.draws + 1 + 7 * 5 + 3
    assert [draw.sample_id for draw in draws[factored.draws :]] == [d.sample_id for d in family]
    assert {draw.family for draw in draws[: factored.draws]} == {None}
    assert len({draw.sample_id for draw in draws}) == len(draws)
    assert {draw.family for draw in family} == {"segment-factored-c"}
    assert "segment-factored-c-tone_quality-0.5" in {draw.sample_id for draw in family}


def test_members_of_a_family_vary_one_thing(family: list[FactoredDraw]) -> None:
    varied = Counter(draw.varied for draw in family)
    assert varied == {NOTHING: 1, NUISANCE: 3, **dict.fromkeys(FACTORS, 5)}
    for draw in family:
        damage = {name: jnd for name, jnd in draw.severities_jnd.items() if jnd}
        assert set(damage) <= {draw.varied}
        assert set(damage.values()) <= {draw.varied_severity_jnd}


def test_damage_is_the_familys_one_recording_and_twins_have_their_own(
    family: list[FactoredDraw],
) -> None:
    base = family[0].recording
    twins = [draw.recording for draw in family if draw.varied == NUISANCE]
    assert all(draw.recording == base for draw in family if draw.varied != NUISANCE)
    assert all(twin != base for twin in twins)
    assert twins[0] != twins[1] != twins[2]


def test_base_and_twins_play_the_clean_notes(
    family: list[FactoredDraw], clean: Performance
) -> None:
    for draw in family:
        if draw.varied in (NOTHING, NUISANCE):
            assert draw.note_operations == ()
            assert draw.tier == "pristine"


def test_a_fault_grows_along_the_same_randomness(
    family: list[FactoredDraw], clean: Performance
) -> None:
    def onset_shift_s(draw: FactoredDraw) -> np.ndarray:
        after = damaged(draw, clean).notes
        _, before, at = np.intersect1d(
            clean.notes["note_id"], after["note_id"], return_indices=True
        )
        return np.asarray(after["onset_s"][at] - clean.notes["onset_s"][before])

    rhythm = [draw for draw in family if draw.varied == "rhythmic_stability"]
    shifts_s = [onset_shift_s(draw) for draw in rhythm]
    assert np.corrcoef(shifts_s[1], shifts_s[2])[0, 1] > 0.95
    spreads_s = [shift.std() for shift in shifts_s]
    assert spreads_s == sorted(spreads_s)
    slips = [
        set(edits["slips"].notes["note_id"].tolist())
        for draw in family
        if draw.varied == "note_accuracy"
        for edits in [damage_notes(clean, draw.note_operations, draw.stream).edits]
        if edits
    ]
    assert all(few <= more for few, more in itertools.pairwise(slips))
    assert len(slips[-1]) > len(slips[0])
