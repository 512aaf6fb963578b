"""A recipe's change is noticed against what was last observed, whoever observed it."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines.execution.runs import record_recipe
from pipelines.sensors import recipe_sensor
from pipelines.settings import CONFIGS, load_settings

NAME = "phase2"


@pytest.fixture
def recipe_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a recipe that is alone in its folder; the command line is in the same home."""
    for name in os.environ:
        if name.startswith(("PIANOGRADE_", "DAGSTER")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("PIANOGRADE_RECIPES", str(tmp_path / "recipes"))
    file = tmp_path / "recipes" / f"{NAME}.yaml"
    file.parent.mkdir()
    file.write_text((CONFIGS / "recipes" / f"{NAME}.yaml").read_text())
    return file


@pytest.fixture
def instance(recipe_file: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as instance:
        yield instance


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> list[str | None]:
    """Let the sensor look and Dagster record what it says; return the tiers that it observed."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    result = recipe_sensor([NAME])(context)
    assert isinstance(result, dg.SensorResult)
    events = [event for event in result.asset_events if isinstance(event, dg.AssetMaterialization)]
    for event in events:
        instance.report_runless_asset_event(event)
    return [event.partition for event in events]


def test_a_tier_is_observed_when_it_changed_and_only_then(
    instance: dg.DagsterInstance, recipe_file: Path
) -> None:
    assert sorted(map(str, tick(instance))) == ["good", "moderate", "poor", "pristine"]
    assert tick(instance) == []
    text = recipe_file.read_text()
    recipe_file.write_text("# a comment\n" + text.replace("spread_s: 0.060", "spread_s: 0.080"))
    assert tick(instance) == ["poor"]
    assert tick(instance) == []


def test_a_recipe_put_back_is_noticed_though_the_command_line_saw_the_change(
    instance: dg.DagsterInstance, recipe_file: Path
) -> None:
    tick(instance)
    text = recipe_file.read_text()
    recipe_file.write_text(text.replace("spread_s: 0.060", "spread_s: 0.080"))
    record_recipe(NAME, load_settings())
    recipe_file.write_text(text)
    assert tick(instance) == ["poor"]
    assert tick(instance) == []
