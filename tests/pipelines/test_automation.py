"""What the daemon would make again after a change, asked of the condition itself."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from pipelines.automation import REMATERIALIZE_ON_CHANGE
from pipelines.checks.each_partition import log_each_partition
from pipelines.partitions import (
    CORPORA,
    CORPUS_TIERS,
    OF_CORPUS,
    RANGE_END_TAG,
    RANGE_START_TAG,
    partition_key,
)

ASSETS = ("pairs", "never_made")
TIERS = dg.StaticPartitionsDefinition(["good", "poor"])


recipe = dg.AssetSpec("recipe", partitions_def=TIERS)


@dg.asset(
    partitions_def=TIERS,
    deps=["recipe"],
    automation_condition=REMATERIALIZE_ON_CHANGE,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def pairs() -> None:
    pass


@dg.asset(partitions_def=TIERS, deps=["recipe"], automation_condition=REMATERIALIZE_ON_CHANGE)
def never_made() -> None:
    pass


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def observe(instance: dg.DagsterInstance, **versions: str) -> None:
    for tier, version in versions.items():
        tags = {"dagster/data_version": version}
        event = dg.AssetMaterialization("recipe", partition=tier, tags=tags)
        instance.report_runless_asset_event(event)


def test_a_changed_tier_is_made_again_once_and_nothing_else(instance: dg.DagsterInstance) -> None:
    defs = dg.Definitions([recipe, pairs, never_made])
    observe(instance, good="1", poor="1")
    for tier in TIERS.get_partition_keys():
        dg.materialize([pairs], instance=instance, partition_key=tier)
    cursor = None

    def requested() -> dict[str, set[str]]:
        nonlocal cursor
        found = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)
        cursor = found.cursor
        keys = {name: found.get_requested_partitions(dg.AssetKey(name)) for name in ASSETS}
        return {name: {str(key) for key in asked} for name, asked in keys.items() if asked}

    assert requested() == {}
    observe(instance, good="1", poor="1")
    assert requested() == {}
    observe(instance, good="1", poor="2")
    assert requested() == {"pairs": {"poor"}}
    assert requested() == {}


@pytest.mark.parametrize("passed", [True, False])
def test_nothing_is_made_behind_a_blocking_check_that_failed(
    instance: dg.DagsterInstance, passed: bool
) -> None:
    @dg.asset_check(asset=pairs, blocking=True, partitions_def=TIERS)
    def check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=passed)

    @dg.asset(partitions_def=TIERS, deps=[pairs], automation_condition=REMATERIALIZE_ON_CHANGE)
    def samples() -> None:
        pass

    defs = dg.Definitions([recipe, pairs, samples], asset_checks=[check])

    def made_again(*assets: Any) -> None:
        dg.materialize(assets, instance=instance, partition_key="poor", raise_on_error=False)

    observe(instance, poor="1")
    made_again(pairs, samples)
    cursor = dg.evaluate_automation_conditions(defs=defs, instance=instance).cursor
    observe(instance, poor="2")
    made_again(pairs, check)
    found = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)
    asked = found.get_requested_partitions(dg.AssetKey("samples"))
    assert asked == ({"poor"} if passed else set())


def materialise_range(instance: dg.DagsterInstance, *assets: Any) -> None:
    """Run assets and checks for both tiers at once."""
    chosen = dg.Definitions(
        [recipe, *(one for one in assets if not isinstance(one, dg.AssetChecksDefinition))],
        asset_checks=[one for one in assets if isinstance(one, dg.AssetChecksDefinition)],
        jobs=[dg.define_asset_job("job", selection="*")],
    )
    tags = {RANGE_START_TAG: "good", RANGE_END_TAG: "poor"}
    chosen.resolve_job_def("job").execute_in_process(
        instance=instance, tags=tags, raise_on_error=False
    )


@pytest.mark.parametrize("failing", [set(), {"poor"}, {"good", "poor"}])
def test_a_run_of_several_tiers_passes_its_checks_tier_by_tier(
    instance: dg.DagsterInstance, failing: set[str]
) -> None:
    """What follows a tier, and what follows all of them, such as an audit."""

    @dg.asset_check(asset=pairs, blocking=True, partitions_def=TIERS)
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        found = dg.AssetCheckResult(passed=not failing & set(context.partition_keys))
        log_each_partition(context, dg.AssetCheckKey(dg.AssetKey("pairs"), "check"), found)
        return found

    @dg.asset(partitions_def=TIERS, deps=[pairs], automation_condition=REMATERIALIZE_ON_CHANGE)
    def samples() -> None:
        pass

    @dg.asset(deps=[pairs], automation_condition=REMATERIALIZE_ON_CHANGE)
    def audit() -> None:
        pass

    defs = dg.Definitions([recipe, pairs, samples, audit], asset_checks=[check])

    def requested(cursor: Any) -> tuple[Any, dict[str, Any]]:
        found = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)
        asked = {
            name: found.get_requested_partitions(dg.AssetKey(name)) for name in ("samples", "audit")
        }
        return found.cursor, asked

    observe(instance, good="1", poor="1")
    materialise_range(instance, pairs, samples)
    dg.materialize([audit], instance=instance)
    cursor, _ = requested(None)
    observe(instance, good="2", poor="2")
    if failing == {"poor"}:
        for tier in ("good", "poor"):
            dg.materialize(
                [pairs, check], instance=instance, partition_key=tier, raise_on_error=False
            )
    else:
        materialise_range(instance, pairs, check)
    _, asked = requested(cursor)
    assert asked["samples"] == {"good", "poor"} - failing
    assert asked["audit"] == (set() if failing else {None})


def test_a_check_of_several_tiers_that_were_never_made_is_logged_and_frees_nothing(
    instance: dg.DagsterInstance,
) -> None:
    @dg.asset_check(asset=pairs, blocking=True, partitions_def=TIERS)
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        found = dg.AssetCheckResult(passed=True)
        log_each_partition(context, dg.AssetCheckKey(dg.AssetKey("pairs"), "check"), found)
        return found

    job = dg.define_asset_job("job", selection=dg.AssetSelection.checks(check))
    defs = dg.Definitions([recipe, pairs], asset_checks=[check], jobs=[job])
    tags = {RANGE_START_TAG: "good", RANGE_END_TAG: "poor"}
    ran = defs.resolve_job_def("job").execute_in_process(instance=instance, tags=tags)
    assert [one.partition for one in ran.get_asset_check_evaluations()][:2] == ["good", "poor"]


def test_a_changed_corpus_concerns_its_own_partitions_and_a_new_one_starts_nothing(
    instance: dg.DagsterInstance,
) -> None:
    @dg.asset(partitions_def=CORPORA)
    def segments(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(data_version=dg.DataVersion(context.run.run_id))

    @dg.asset(
        partitions_def=CORPUS_TIERS,
        deps=[dg.AssetDep(segments, partition_mapping=OF_CORPUS)],
        automation_condition=REMATERIALIZE_ON_CHANGE,
    )
    def shards() -> None:
        pass

    defs, cursor = dg.Definitions([segments, shards]), None

    def requested() -> set[str]:
        nonlocal cursor
        found = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)
        cursor = found.cursor
        return {str(key) for key in found.get_requested_partitions(dg.AssetKey("shards")) or ()}

    instance.add_dynamic_partitions("corpora", ["asked", "other"])
    for corpus in ("asked", "other"):
        dg.materialize([segments], instance=instance, partition_key=corpus)
    for tier in ("good", "poor"):
        key = partition_key("asked", tier)
        dg.materialize([shards, segments], selection=[shards], instance=instance, partition_key=key)
    assert requested() == set()
    instance.add_dynamic_partitions("corpora", ["third"])
    for corpus in ("other", "third"):
        dg.materialize([segments], instance=instance, partition_key=corpus)
    assert requested() == set()
    dg.materialize([segments], instance=instance, partition_key="asked")
    assert requested() == {partition_key("asked", "good"), partition_key("asked", "poor")}
