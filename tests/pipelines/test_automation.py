"""What the daemon would make again after a change, asked of the condition itself."""

from collections.abc import Iterator

import dagster as dg
import pytest

from pipelines.automation import REMATERIALIZE_ON_CHANGE

ASSETS = ("pairs", "never_made")
TIERS = dg.StaticPartitionsDefinition(["good", "poor"])


@dg.observable_source_asset(partitions_def=TIERS)
def recipe() -> dg.DataVersionsByPartition:
    return dg.DataVersionsByPartition({})


@dg.asset(partitions_def=TIERS, deps=[recipe], automation_condition=REMATERIALIZE_ON_CHANGE)
def pairs() -> None:
    pass


@dg.asset(partitions_def=TIERS, deps=[recipe], automation_condition=REMATERIALIZE_ON_CHANGE)
def never_made() -> None:
    pass


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def observe(instance: dg.DagsterInstance, **versions: str) -> None:
    for tier, version in versions.items():
        tags = {"dagster/data_version": version}
        event = dg.AssetObservation("recipe", partition=tier, tags=tags)
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
