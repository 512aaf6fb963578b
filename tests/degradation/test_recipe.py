"""Recipes: what `phase2` holds, what digests follow, and what a person is told of a mistake."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from degradation.errors import UserError
from degradation.operations import NoteDamage, SoundDamage
from degradation.recipe import TIERS, load_recipe, recipe_files
from degradation.tiered import TieredRecipe

JITTER, WRONG, COMPRESSION = "onset_jitter", "wrong_notes", "dynamics_compression"

TABLE = {
    # The earlier system's table; reach, corners and the compression at "moderate" are ours.
    "pristine": (0.30, (95, 100), []),
    "good": (0.30, (80, 95), [(JITTER, {"spread_s": 0.010}), ("noise", {"snr_db": 35})]),
    "moderate": (
        0.25,
        (65, 80),
        [
            (JITTER, {"spread_s": 0.030}),
            (WRONG, {"share": 0.02, "reach_semitones": 3}),
            (COMPRESSION, {"share": 0.30}),
            ("noise", {"snr_db": 25}),
        ],
    ),
    "poor": (
        0.15,
        (50, 65),
        [
            (JITTER, {"spread_s": 0.060}),
            (WRONG, {"share": 0.05, "reach_semitones": 3}),
            (COMPRESSION, {"share": 0.50}),
            ("bandpass", {"low_hz": 200, "high_hz": 6000, "order": 2}),
            ("noise", {"snr_db": 20}),
        ],
    ),
}

Values = dict[str, Any]
Edit = Callable[[Values], object]


@pytest.fixture
def values(recipes: Path) -> Values:
    found: Values = yaml.safe_load((recipes / "phase2.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def folder(tmp_path: Path, recipes: Path) -> Path:
    for path in recipes.glob("phase2*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def load(folder: Path, values: Values | str, name: str = "edited") -> TieredRecipe:
    text = values if isinstance(values, str) else yaml.safe_dump(values)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    recipe = load_recipe(folder / f"{name}.yaml")
    assert isinstance(recipe, TieredRecipe)
    return recipe


def put(*path: str | int, to: object) -> Edit:
    def edit(values: Any) -> None:
        for step in path[:-1]:
            values = values[step]
        values[path[-1]] = to

    return edit


def drop(*path: str | int) -> Edit:
    def edit(values: Any) -> None:
        for step in path[:-1]:
            values = values[step]
        del values[path[-1]]

    return edit


def edited(values: Values, edit: Edit) -> Values:
    copy = deepcopy(values)
    edit(copy)
    return copy


def digests(recipe: TieredRecipe) -> dict[str, str]:
    return {tier: recipe.tier_digest(tier) for tier in TIERS}


def test_phase2_holds_the_table_and_nothing_else(phase2: TieredRecipe) -> None:
    assert tuple(phase2.tiers) == TIERS == tuple(TABLE)
    for tier, (probability, scores, operations) in TABLE.items():
        damage = phase2.tiers[tier]
        assert (damage.probability, damage.scores) == (probability, scores)
        found = [(op.operation, op.model_dump(exclude={"operation"})) for op in damage.operations]
        assert found == operations, tier


def test_phase2_renders_four_draws_with_one_instrument(phase2: TieredRecipe) -> None:
    assert (phase2.name, phase2.kind, phase2.draws) == ("phase2", "tiered", 4)
    assert phase2.audio_source == "rendered"
    assert (phase2.instrument.soundfont, phase2.instrument.sample_rate_hz) == (
        "TimGM6mb.sf2",
        24_000,
    )


def test_phase2_recorded_differs_in_the_source_of_the_audio_alone(
    phase2: TieredRecipe, recipes: Path
) -> None:
    recorded = load_recipe(recipes / "phase2_recorded.yaml")
    renamed = {"name": "phase2_recorded", "audio_source": "recorded"}
    assert recorded == phase2.model_copy(update=renamed)


def test_operations_are_told_apart_by_what_they_reach(phase2: TieredRecipe) -> None:
    poor = phase2.tiers["poor"]
    assert [op.operation for op in poor.note_operations] == [JITTER, WRONG, COMPRESSION]
    assert [op.operation for op in poor.sound_operations] == ["bandpass", "noise"]
    assert [*poor.note_operations, *poor.sound_operations] == list(poor.operations)


def test_the_tiers_come_in_order_of_quality_however_they_are_written(
    folder: Path, values: Values
) -> None:
    values["tiers"] = dict(reversed(values["tiers"].items()))
    assert tuple(load(folder, values).tiers) == TIERS


def test_digests_do_not_follow_comments_spaces_or_the_order_of_keys(
    folder: Path, phase2: TieredRecipe, values: Values, recipes: Path
) -> None:
    text = (recipes / "phase2.yaml").read_text(encoding="utf-8")
    commented = "# another comment\n\n" + text.replace("kind:", "kind:      ") + "\n# the end\n"
    assert digests(load(folder, commented, "phase2")) == digests(phase2)
    assert digests(load(folder, yaml.safe_dump(values, sort_keys=True), "phase2")) == digests(
        phase2
    )
    backwards = dict(reversed(values.items()))
    assert digests(load(folder, backwards, "phase2")) == digests(phase2)
    same_numbers = edited(values, put("tiers", "poor", "operations", 0, "spread_s", to=6e-2))
    assert digests(load(folder, same_numbers, "phase2")) == digests(phase2)


@pytest.mark.parametrize("tier", TIERS)
def test_editing_a_tier_changes_its_digest_and_no_other(
    folder: Path, phase2: TieredRecipe, values: Values, tier: str
) -> None:
    noise = {"operation": "bandpass", "low_hz": 40, "high_hz": 9000, "order": 1}
    edits = [
        put("tiers", tier, "scores", to=[1, 2]),
        put("tiers", tier, "operations", to=[noise]),
    ]
    if tier != "pristine":
        edits += [
            lambda v: v["tiers"][tier]["operations"].reverse(),
            lambda v: v["tiers"][tier]["operations"].pop(),
            put("tiers", tier, "operations", 0, "spread_s", to=0.0601),
        ]
    before = digests(phase2)
    for edit in edits:
        after = digests(load(folder, edited(values, edit), "phase2"))
        assert {name for name in TIERS if before[name] != after[name]} == {tier}


@pytest.mark.parametrize(
    "edit",
    [
        put("seed", to=1),
        put("draws", to=5),
        put("audio_source", to="recorded"),
        put("instrument", "gain", to=0.9),
        lambda v: (
            put("tiers", "poor", "probability", to=0.2)(v),
            put("tiers", "moderate", "probability", to=0.2)(v),
        ),
    ],
    ids=["seed", "draws", "audio_source", "instrument", "probabilities"],
)
def test_what_all_tiers_share_changes_every_digest(
    folder: Path, phase2: TieredRecipe, values: Values, edit: Edit
) -> None:
    before, after = digests(phase2), digests(load(folder, edited(values, edit), "phase2"))
    assert all(before[tier] != after[tier] for tier in TIERS)


def test_audits_change_no_row_and_no_digest(
    folder: Path, phase2: TieredRecipe, values: Values
) -> None:
    stricter = load(folder, edited(values, put("audits", to="block")), "phase2")
    assert (phase2.audits, stricter.audits) == ("warn", "block")
    assert digests(stricter) == digests(phase2)


def test_the_rows_of_phase2_keep_the_digests_that_they_were_made_with(phase2: TieredRecipe) -> None:
    assert phase2.tier_digest("poor") == "ac50f538472c14da"


def test_the_name_of_a_recipe_is_its_file_name_and_counts(
    folder: Path, phase2: TieredRecipe, values: Values
) -> None:
    copy = load(folder, values, "copy")
    assert copy.name == "copy"
    assert not set(digests(copy).values()) & set(digests(phase2).values())


OPERATIONS = ", ".join(
    repr(model.model_fields["operation"].default) for model in get_args(NoteDamage | SoundDamage)
)

FIRST_OF_POOR = ("tiers", "poor", "operations", 0)
MISTAKES: dict[str, tuple[Edit, str]] = {
    "unknown key": (
        put("sed", to=3),
        "unknown key sed; expected name, seed, draws, audio_source, audits, kind, instrument, "
        "tiers",
    ),
    "unknown key of an operation": (
        put(*FIRST_OF_POOR, "spread_ms", to=3),
        "tiers.poor.operations[0].onset_jitter: unknown key spread_ms; "
        "expected operation, spread_s",
    ),
    "unknown key of the instrument": (
        put("instrument", "reverb", to=1),
        "instrument: unknown key reverb; expected soundfont, bank, program, sample_rate_hz, gain",
    ),
    "key that is no text": (put(1, to=3), "unknown key 1; expected name"),
    "negative number": (
        put(*FIRST_OF_POOR, "spread_s", to=-0.01),
        "tiers.poor.operations[0].onset_jitter.spread_s should be greater than or equal to 0, "
        "got -0.01",
    ),
    "NaN": (
        put(*FIRST_OF_POOR, "spread_s", to=float("nan")),
        "tiers.poor.operations[0].onset_jitter.spread_s should be a finite number, got nan",
    ),
    "infinity": (
        put("instrument", "gain", to=float("inf")),
        "instrument.gain should be a finite number, got inf",
    ),
    "text for a number": (put("draws", to="four"), "draws should be a whole number, got 'four'"),
    "nothing for a list": (
        put("tiers", "good", "operations", to=None),
        "tiers.good.operations should be a list, got nothing",
    ),
    "tier missing": (
        drop("tiers", "poor"),
        "tiers: should be pristine, good, moderate, poor, got good, moderate, pristine",
    ),
    "no tiers": (put("tiers", to={}), "tiers: should be pristine, good, moderate, poor, got none"),
    "tier unknown": (
        lambda v: v["tiers"].update(awful=v["tiers"]["poor"]),
        "tiers: should be pristine, good, moderate, poor, got awful, good",
    ),
    "probabilities": (
        put("tiers", "poor", "probability", to=0.2),
        "tiers: the probabilities should sum to 1, got 1.05",
    ),
    "probability beyond one": (
        put("tiers", "poor", "probability", to=1.2),
        "tiers.poor.probability should be less than or equal to 1, got 1.2",
    ),
    "operation twice": (
        lambda v: v["tiers"]["good"]["operations"].append({"operation": "noise", "snr_db": 3}),
        "tiers.good.operations: each operation may stand once in a tier, "
        "got onset_jitter, noise, noise",
    ),
    "unknown operation": (
        put(*FIRST_OF_POOR, "operation", to="jitter"),
        f"tiers.poor.operations[0].operation should be one of {OPERATIONS}, got 'jitter'",
    ),
    "operation without a name": (
        drop(*FIRST_OF_POOR, "operation"),
        "tiers.poor.operations[0].operation is missing",
    ),
    "operation that is a word": (
        put(*FIRST_OF_POOR, to="noise"),
        "tiers.poor.operations[0] should be a mapping of keys, got 'noise'",
    ),
    "parameter missing": (
        drop(*FIRST_OF_POOR, "spread_s"),
        "tiers.poor.operations[0].onset_jitter.spread_s is missing",
    ),
    "scores the wrong way round": (
        put("tiers", "poor", "scores", to=[65, 50]),
        "tiers.poor.scores: should be [low, high] with 0 <= low < high <= 100, got [65, 50]",
    ),
    "three scores": (
        put("tiers", "poor", "scores", to=[50, 60, 65]),
        "tiers.poor.scores should have at most 2 items, got [50, 60, 65]",
    ),
    "corners the wrong way round": (
        put("tiers", "poor", "operations", 3, "low_hz", to=9000),
        "tiers.poor.operations[3].bandpass: low_hz should lie below high_hz, got 9000 and 6000",
    ),
    "corner beyond half the sample rate": (
        put("tiers", "poor", "operations", 3, "high_hz", to=13_000),
        "bandpass.high_hz in tier poor should lie below half of instrument.sample_rate_hz, 12000, "
        "got 13000",
    ),
    "equaliser beyond half the sample rate": (
        put(
            *("tiers", "poor", "operations", 3),
            to={
                "operation": "equaliser",
                "bands": [{"shape": "peak", "frequency_hz": 13_000, "gain_db": 3, "q": 1}],
            },
        ),
        "equaliser.bands[0].frequency_hz in tier poor should lie below half of "
        "instrument.sample_rate_hz, 12000, got 13000",
    ),
    "wrong kind": (
        put("kind", to="dealt"),
        "kind should be one of 'tiered', 'factored', got 'dealt'",
    ),
    "no kind": (drop("kind"), "kind is missing"),
    "unknown source of audio": (
        put("audio_source", to="live"),
        "audio_source should be 'rendered' or 'recorded', got 'live'",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(folder: Path, values: Values, mistake: str) -> None:
    edit, told = MISTAKES[mistake]
    with pytest.raises(UserError) as caught:
        load(folder, edited(values, edit))
    assert told in str(caught.value)
    assert str(folder / "edited.yaml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_mistakes_are_both_told(folder: Path, values: Values) -> None:
    values |= {"draws": 0, "seed": "x"}
    with pytest.raises(UserError, match=r"seed should be .*; draws should be"):
        load(folder, values)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("extends: phase9", "extends should be another recipe of its folder, one of phase2, "
         "phase2_recorded, got 'phase9'"),
        ("extends: [phase2]", "phase2_recorded, got ['phase2']"),
        ("extends: edited", "one of phase2, phase2_recorded, got 'edited'"),
        ("extends: phase2_recorded", "got 'phase2_recorded', which extends 'phase2'"),
        ("extends: phase2\nname: other", "name is an unknown key"),
        ("extends: phase2\nsed: 3", "unknown key sed"),
    ],
)  # fmt: skip
def test_a_mistake_in_extending_is_told(folder: Path, text: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        load(folder, text)
    assert told in str(caught.value)
    assert "edited.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_recipe_that_extends_takes_the_other_keys_over(
    folder: Path, phase2: TieredRecipe
) -> None:
    child = load(folder, "extends: phase2\nseed: 5\n", "child")
    assert child == phase2.model_copy(update={"name": "child", "seed": 5})


def test_a_file_name_that_no_recipe_can_have_is_refused(folder: Path, values: Values) -> None:
    with pytest.raises(UserError, match="name should"):
        load(folder, values, "Phase 3")


def test_recipes_are_found_by_name(folder: Path) -> None:
    found = recipe_files(folder)
    assert list(found) == ["phase2", "phase2_recorded"]
    assert all(load_recipe(path).name == name for name, path in found.items())
