"""A recipe's change is noticed against what was last observed, whoever observed it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from degradation.errors import UserError
from degradation.sound_effects import Bandpass
from pipelines.corpora import Corpus, write_corpus
from pipelines.execution.runs import record_recipe
from pipelines.sensors import corpora_changed, recipe_sensor, run_failed
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


def events_of(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    result = recipe_sensor([NAME, "other"])(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_a_changed_tier_shows_what_changed_from_old_to_new(
    instance: dg.DagsterInstance, recipe_file: Path
) -> None:
    tick(instance)
    recipe_file.write_text(recipe_file.read_text().replace("spread_s: 0.060", "spread_s: 0.080"))
    context = dg.build_sensor_context(instance=instance)
    [event] = [
        event
        for event in recipe_sensor([NAME])(context).asset_events
        if isinstance(event, dg.AssetMaterialization)
    ]
    changed = event.metadata["changed"]
    assert isinstance(changed, dg.TableMetadataValue)
    [row] = [record.data for record in changed.records]
    assert (row["old"], row["new"]) == ("0.06", "0.08")
    assert str(row["parameter"]).startswith("tier.poor.")
    assert str(row["parameter"]).endswith("spread_s")


def test_a_broken_recipe_says_so_on_its_page_once_and_leaves_the_others_alone(
    instance: dg.DagsterInstance, recipe_file: Path
) -> None:
    other = recipe_file.with_name("other.yaml")
    other.write_text(recipe_file.read_text())
    first = events_of(instance)
    for event in first.asset_events:
        if isinstance(event, dg.AssetMaterialization):
            instance.report_runless_asset_event(event)
    text = recipe_file.read_text()
    recipe_file.write_text(text.replace("draws: 4", "draws: [4"))
    other.write_text(text.replace("spread_s: 0.060", "spread_s: 0.080"))
    broken = events_of(instance, first.cursor)
    [check] = [e for e in broken.asset_events if isinstance(e, dg.AssetCheckEvaluation)]
    assert check.asset_key == dg.AssetKey([NAME, "recipe"])
    assert not check.passed
    assert "YAML" in str(check.description)
    made = [e for e in broken.asset_events if isinstance(e, dg.AssetMaterialization)]
    assert [(e.asset_key.path[0], e.partition) for e in made] == [("other", "poor")]
    again = events_of(instance, broken.cursor)
    assert not [e for e in again.asset_events if isinstance(e, dg.AssetCheckEvaluation)]
    recipe_file.write_text(text)
    mended = events_of(instance, again.cursor)
    assert [e.passed for e in mended.asset_events if isinstance(e, dg.AssetCheckEvaluation)] == [
        True
    ]


def test_an_operation_s_new_code_changes_the_tiers_that_use_it(
    instance: dg.DagsterInstance, recipe_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick(instance)
    monkeypatch.setattr(Bandpass, "CODE_VERSION", 2)
    assert tick(instance) == ["poor"]  # no other tier of phase2 has a band
    assert tick(instance) == []


def test_each_corpus_with_a_file_becomes_a_partition(instance: dg.DagsterInstance) -> None:
    write_corpus(load_settings(), Corpus(name="mine"))
    instance.add_dynamic_partitions("corpora", ["gone"])
    result = corpora_changed(dg.build_sensor_context(instance=instance))
    assert isinstance(result, dg.SensorResult)
    asked = {
        type(request).__name__: request.partition_keys
        for request in result.dynamic_partitions_requests or []
    }
    assert asked == {
        "AddDynamicPartitionsRequest": ["mine"],
        "DeleteDynamicPartitionsRequest": ["gone"],
    }


def test_a_run_that_failed_is_told_to_the_team_s_command(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.definitions import defs

    root = tmp_path / "root"
    root.mkdir()
    write_corpus(load_settings(), Corpus(name="empty", maestro=root))
    instance.add_dynamic_partitions("corpora", ["empty"])
    failed = defs.resolve_job_def("corpus_tables").execute_in_process(
        partition_key="empty",
        asset_selection=[dg.AssetKey("corpus")],
        instance=instance,
        raise_on_error=False,
    )
    kind = dg.DagsterEventType.RUN_FAILURE
    [ended] = (one.dagster_event for one in instance.all_logs(failed.run_id, of_type=kind))
    assert ended
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failed",
        dagster_event=ended,
        dagster_instance=instance,
        dagster_run=failed.dagster_run,
    ).for_run_failure()
    run_failed(context)  # without a command it is a line in the sensor's log
    monkeypatch.setenv("PIANOGRADE_ALERT", f"cat > '{tmp_path}/told'")
    run_failed(context)
    [line] = (tmp_path / "told").read_text().splitlines()
    told = json.loads(line)
    assert (told["job"], told["partition"]) == ("corpus_tables", "empty")
    assert told["run"] == failed.run_id
    assert str(root) in told["why"]
    assert told["text"] == f"pianograde: corpus, empty: {told['why']}"
    monkeypatch.setenv("PIANOGRADE_ALERT", "echo no such room >&2; exit 3")
    with pytest.raises(UserError, match=r"exit code 3: no such room; expected 0"):
        run_failed(context)
