"""Factored recipes: how operations grow, what digests follow, what a person is told."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from degradation.errors import UserError
from degradation.factored import FACTORS, FactoredRecipe, GrowingOperation
from degradation.operations import NoteDamage
from degradation.recipe import TIERS, load_recipe
from degradation.timing import ChordJitter, Hesitation, OnsetJitter
from degradation.wrong_notes import Slips, WrongNotes

Values = dict[str, Any]
Edit = Callable[[Values], object]


@pytest.fixture
def values(recipes: Path) -> Values:
    found: Values = yaml.safe_load((recipes / "factored.yaml").read_text(encoding="utf-8"))
    return found


def load(folder: Path, values: Values) -> FactoredRecipe:
    (folder / "factored.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    recipe = load_recipe(folder / "factored.yaml")
    assert isinstance(recipe, FactoredRecipe)
    return recipe


def put(*path: str | int, to: object) -> Edit:
    def edit(values: Any) -> None:
        for step in path[:-1]:
            values = values[step]
        values[path[-1]] = to

    return edit


def edited(values: Values, edit: Edit) -> Values:
    copy = deepcopy(values)
    edit(copy)
    return copy


def operations_of(recipe: FactoredRecipe) -> set[type]:
    return {type(one.at_one_jnd) for f in recipe.factors.values() for one in f.operations}


def test_the_shipped_recipe_has_seven_factors_blocks_and_renders(
    factored: FactoredRecipe, recipes: Path
) -> None:
    assert set(factored.factors) == set(FACTORS)
    assert (factored.kind, factored.audits, factored.audio_source) == (
        "factored",
        "block",
        "rendered",
    )
    assert {one.weight for one in factored.factors.values()} == {1}
    lifelike = load_recipe(recipes / "lifelike.yaml")
    assert isinstance(lifelike, FactoredRecipe)
    # The two of phase2 are less like what pianists do.
    used = operations_of(factored) | operations_of(lifelike)
    assert used == set(get_args(NoteDamage)) - {OnsetJitter, WrongNotes}
    # How many stops of what length there are in lifelike, and not by how much intervals grow.
    assert operations_of(factored) - operations_of(lifelike) == {Hesitation}


def test_every_operation_says_where_its_threshold_is_from(factored: FactoredRecipe) -> None:
    for factor in factored.factors.values():
        for one in factor.operations:
            published = any(year in one.source for year in ("1993", "1995", "2022"))
            assert published or "no published threshold" in one.source


def test_a_parameter_grows_with_severity_and_the_others_stay() -> None:
    grown = GrowingOperation(
        at_one_jnd=ChordJitter(spread_s=0.006, apart_share=0.4),
        growth={"spread_s": 1.0},
        source="here",
    ).at(3.0)
    assert isinstance(grown, ChordJitter)
    assert (grown.spread_s, grown.apart_share) == (pytest.approx(0.018), 0.4)
    square = GrowingOperation(at_one_jnd=Slips(share=0.01), growth={"share": 2.0}, source="here")
    assert square.at(3.0).strength == (pytest.approx(9.0), "%")


def test_strengths_are_proportional_to_severity_and_nothing_is_done_at_none(
    factored: FactoredRecipe,
) -> None:
    for factor in factored.factors.values():
        assert factor.at(0.0) == ()
        for one, eight in zip(factor.at(1.0), factor.at(8.0), strict=True):
            assert eight.strength[0] == pytest.approx(8 * one.strength[0])


def test_digests_follow_values_and_the_order_of_factors_alone(
    tmp_path: Path, factored: FactoredRecipe, values: Values
) -> None:
    def digests(recipe: FactoredRecipe) -> list[str]:
        return [recipe.tier_digest(tier) for tier in TIERS]

    before = digests(factored)
    assert len(set(before)) == 4
    assert digests(load(tmp_path, dict(reversed(values.items())))) == before
    assert digests(load(tmp_path, edited(values, put("audits", to="warn")))) == before
    edits: list[Edit] = [
        put("factors", "note_accuracy", "operations", 0, "at_one_jnd", "share", to=0.021),
        put("factors", "note_accuracy", "weight", to=2),
        put("nuisance", "room_share", to=0.5),
        put("counterfactual", "share", to=0.5),
        put("correlation", to=0.3),
        lambda v: v.update(factors=dict(reversed(v["factors"].items()))),
    ]
    for edit in edits:
        after = digests(load(tmp_path, edited(values, edit)))
        assert not set(after) & set(before)


MISTAKES: dict[str, tuple[Edit, str]] = {
    "factor missing": (
        lambda v: v["factors"].pop("pedal_technique"),
        "factors: should be note_accuracy, rhythmic_stability, ",
    ),
    "factor unknown": (
        lambda v: v["factors"].update(charm=v["factors"]["note_accuracy"]),
        "factors.charm",
    ),
    "operation in two factors": (
        lambda v: v["factors"]["tone_quality"].update(
            operations=v["factors"]["note_accuracy"]["operations"]
        ),
        "each operation may stand once in all factors, got ['slips'] twice",
    ),
    "operation on sound": (
        put(
            *("factors", "note_accuracy", "operations", 0, "at_one_jnd"),
            to={"operation": "noise", "snr_db": 20},
        ),
        "at_one_jnd.operation should be one of",
    ),
    "growth of nothing": (
        put("factors", "note_accuracy", "operations", 0, "growth", to={"reach": 1}),
        "growth names reach; expected parameters of slips that can grow: share",
    ),
    "growth downwards": (
        put("factors", "note_accuracy", "operations", 0, "growth", to={"share": -1}),
        "growth.share should be greater than 0, got -1",
    ),
    "no source": (
        lambda v: v["factors"]["note_accuracy"]["operations"][0].pop("source"),
        "operations[0].source is missing",
    ),
    "too strong": (
        put("factors", "note_accuracy", "operations", 0, "at_one_jnd", "share", to=0.05),
        "factors.note_accuracy grows too strong at 8 JND: share should be less than or equal to "
        "0.3, got 0.4",
    ),
    "severer than the curve": (
        put("factors", "note_accuracy", "severity", to=[[0, 0], [1, 9]]),
        "factors.note_accuracy.severity should end by 8 JND, where score_curve does, got 9",
    ),
    "recorded": (put("audio_source", to="recorded"), "audio_source should be 'rendered'"),
    "severities that fall": (
        put("counterfactual", "severities_jnd", to=[2, 1]),
        "counterfactual.severities_jnd: should rise from above 0, got [2.0, 1.0]",
    ),
    "unknown key": (put("sed", to=1), "unknown key sed; expected name, seed, draws"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, values: Values, mistake: str) -> None:
    edit, told = MISTAKES[mistake]
    with pytest.raises(UserError) as caught:
        load(tmp_path, edited(values, edit))
    assert told in str(caught.value)
    assert "factored.yaml is not a valid recipe: " in str(caught.value)
    assert "\n" not in str(caught.value)
