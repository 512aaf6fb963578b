"""Contracts of recipes that people write: what cannot be foretold is not judged, the rest is."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
import yaml

from degradation.degrade import damage_notes
from degradation.factored import FactoredRecipe
from degradation.notes import Performance
from degradation.operations import NoteDamage
from degradation.recipe import TIERS, load_recipe
from degradation.seeds import stream
from degradation.tiered import TieredRecipe
from labeling.damage import measure_damage
from pipelines.checks import sound
from pipelines.checks.checked_pairs import CheckedPairs
from pipelines.checks.counts import judge_populated_tiers, judge_tier_shares
from pipelines.checks.expected_damage import (
    CHANGES_PITCH,
    MOVES_ONSETS,
    can_measure_snr,
    expected_jitter_ms,
    expected_wrong_share,
)
from pipelines.checks.note_damage import judge_jitter, judge_wrong_notes
from pipelines.checks.sound import judge_snr
from pipelines.corpora import Corpus
from pipelines.partitions import TierYear
from pipelines.settings import CONFIGS, Settings
from pipelines.workspace import Workspace
from storage.tables import commit, write_data_file

YEAR = "2021"
PARTITIONS = [TierYear(tier=tier, year=YEAR) for tier in TIERS]

DRIFT = {"operation": "tempo_drift", "share": 0.03, "timescale_s": 3}
JITTER = {"operation": "onset_jitter", "spread_s": 0.01}
SLIPS = {"operation": "slips", "share": 0.1}
WRONG = {"operation": "wrong_notes", "share": 0.1, "reach_semitones": 2}
HISS = {"operation": "coloured_noise", "colour": "pink", "snr_db": 20}
BAND = {"operation": "bandpass", "low_hz": 100, "high_hz": 6000, "order": 2}

WriteRecipe = Callable[..., TieredRecipe]
WritePairs = Callable[..., Workspace]


@pytest.fixture
def tiered(tmp_path: Path) -> WriteRecipe:
    """Write phase2 with other operations, and other probabilities: `tiered(poor=[…], shares=…)`."""

    def write(shares: tuple[float, ...] | None = None, **operations: Any) -> TieredRecipe:
        values = yaml.safe_load((CONFIGS / "recipes" / "phase2.yaml").read_text())
        for tier, share in zip(TIERS, shares or (), strict=False):
            values["tiers"][tier]["probability"] = share
        for tier, wanted in operations.items():
            values["tiers"][tier]["operations"] = wanted
        (tmp_path / "own.yaml").write_text(yaml.safe_dump(values))
        recipe = load_recipe(tmp_path / "own.yaml")
        assert isinstance(recipe, TieredRecipe)
        return recipe

    return write


@pytest.fixture
def mild(tmp_path: Path) -> FactoredRecipe:
    """Write `factored` with severities that nobody notices: no row is poor."""
    values = yaml.safe_load((CONFIGS / "recipes" / "factored.yaml").read_text())
    for factor in values["factors"].values():
        factor["severity"] = [[0, 0], [1, 1.2]]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values))
    recipe = load_recipe(tmp_path / "own.yaml")
    assert isinstance(recipe, FactoredRecipe)
    return recipe


@pytest.fixture
def pairs(tmp_path: Path) -> WritePairs:
    """Commit so many rows a tier of a hundred notes each: `pairs({tier: rows}, jitter_ms=9.0)`."""
    written = itertools.count()

    def write(counts: dict[str, int], **columns: float) -> Workspace:
        workspace = Workspace(Settings(home=tmp_path / "home"), Corpus(name="demo"))
        measured = {"note_count": 100, "missed_note_share": 0.0, "jitter_ms": 0.0}
        for tier in TIERS:
            row = {"tier": tier, "year": int(YEAR)} | measured | columns
            rows = [row | {"sample_id": f"{tier}{n}"} for n in range(counts.get(tier, 0))]
            for name, held in (("pairs", rows), ("pairs_quarantine", [])):
                table = workspace.table("own", name)
                schema = pa.schema([field.with_nullable(True) for field in table.schema])
                groups = pa.Table.from_pylist(held, schema=schema)
                path = f"tier={tier}/year={YEAR}/{next(written)}.parquet"
                part = write_data_file(table, path, [groups])
                commit(table, [part] if held else [], {"tier": tier, "year": YEAR})
        return workspace

    return write


def verdicts(result: dg.AssetCheckResult, name: str) -> dict[str, object]:
    table = result.metadata[name]
    assert isinstance(table, dg.TableMetadataValue)
    return {str(row.data["tier"]): row.data["holds"] for row in table.records}


@pytest.mark.parametrize(
    ("judge", "name", "damages", "measured"),
    [
        pytest.param(
            judge_jitter,
            "jitter",
            {"good": [JITTER, SLIPS], "moderate": [DRIFT], "poor": [JITTER, DRIFT]},
            {"jitter_ms": 10.0},
            id="jitter, where nothing else moves onsets",
        ),
        pytest.param(
            judge_wrong_notes,
            "wrong notes",
            {"good": [WRONG, DRIFT], "moderate": [SLIPS], "poor": [WRONG, SLIPS]},
            {"wrong_note_share": 0.1},
            id="wrong notes, where nothing else changes keys",
        ),
    ],
)
def test_damage_is_judged_where_it_can_be_foretold(
    tiered: WriteRecipe,
    pairs: WritePairs,
    judge: Callable[..., dg.AssetCheckResult],
    name: str,
    damages: dict[str, Any],
    measured: dict[str, float],
) -> None:
    recipe = tiered(**damages)
    workspace = pairs(dict.fromkeys(TIERS, 100), **measured)
    result = judge(CheckedPairs(recipe, workspace, PARTITIONS))
    assert not result.passed
    assert verdicts(result, name) == {
        "pristine": False,
        "good": True,
        "moderate": "not judged",
        "poor": "not judged",
    }
    assert judge(CheckedPairs(recipe, workspace, PARTITIONS[1:])).passed


def test_noise_of_any_colour_is_judged_unless_something_comes_after_it(
    tiered: WriteRecipe, pairs: WritePairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "some_rows", lambda pairs: [])
    counts = {"good": 10, "poor": 10}
    good, poor = PARTITIONS[1], PARTITIONS[3]
    recipe = tiered(good=[BAND, HISS], poor=[HISS, BAND])
    assert judge_snr(
        CheckedPairs(recipe, pairs(counts, realised_snr_db=20.05), [good, poor])
    ).passed
    workspace = pairs(counts, realised_snr_db=21.0)
    judged = judge_snr(CheckedPairs(recipe, workspace, [good, poor]))
    assert not judged.passed
    assert judged.metadata["not judged"].value == "poor"
    left = judge_snr(CheckedPairs(recipe, workspace, [poor]))
    assert left.passed
    assert left.metadata["not judged"].value == "poor"


def test_shipped_recipes_are_judged_in_every_tier() -> None:
    recipe = load_recipe(CONFIGS / "recipes" / "phase2.yaml")
    assert isinstance(recipe, TieredRecipe)
    for tier in recipe.tiers.values():
        assert expected_jitter_ms(tier) is not None
        assert expected_wrong_share(tier) is not None
        assert can_measure_snr(tier)


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_that_is_never_drawn_is_no_reason_not_to_judge_the_others(
    tiered: WriteRecipe, pairs: WritePairs, tier: str
) -> None:
    shares = tuple(0.0 if other == tier else 1 / 3 for other in TIERS)
    recipe = tiered(shares=shares)
    even = {other: 100 for other in TIERS if other != tier}
    result = judge_tier_shares(CheckedPairs(recipe, pairs(even), PARTITIONS))
    assert result.passed
    assert result.metadata["years"].value == 1
    first = next(iter(even))
    assert not judge_tier_shares(
        CheckedPairs(recipe, pairs(even | {first: 300}), PARTITIONS)
    ).passed


def test_a_tier_that_a_mild_recipe_never_reaches_is_no_division_by_zero(
    mild: FactoredRecipe, pairs: WritePairs
) -> None:
    assert mild.tier_shares["poor"] == 0.0
    rows = {tier: round(1000 * share) for tier, share in mild.tier_shares.items()}
    result = judge_populated_tiers(CheckedPairs(mild, pairs(rows), PARTITIONS))
    assert result.passed
    assert result.metadata["years"].value == 1
    assert not judge_populated_tiers(
        CheckedPairs(mild, pairs(rows | {"poor": 100}), PARTITIONS)
    ).passed


def operations() -> list[Any]:
    """Return every operation on notes, as severe as the shipped recipes have it."""
    found: list[Any] = []
    for name in ("phase2", "factored", "lifelike"):
        recipe = load_recipe(CONFIGS / "recipes" / f"{name}.yaml")
        if isinstance(recipe, TieredRecipe):
            found += recipe.tiers["poor"].note_operations
        else:
            found += [op for factor in recipe.factors.values() for op in factor.at(8.0)]
    return list({type(op): op for op in found}.values())


def test_what_is_expected_knows_each_operation(clean: Performance) -> None:
    assert {type(op) for op in operations()} == set(get_args(NoteDamage))
    for operation in operations():
        for number in range(20):
            damaged = damage_notes(clean, [operation], partial(stream, number))
            measured = measure_damage(clean, damaged.performance)
            moved = measured.jitter_ms > 0 and not np.isnan(measured.jitter_ms)
            assert not moved or isinstance(operation, MOVES_ONSETS)
            assert not measured.wrong_note_share or isinstance(operation, CHANGES_PITCH)
