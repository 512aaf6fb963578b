"""A check's result for each partition of a run, as the automation asks for it."""

import json
from typing import Any

import dagster as dg


def log_each_partition(
    context: dg.AssetCheckExecutionContext, check: dg.AssetCheckKey, result: dg.AssetCheckResult
) -> None:
    """Log a result for each partition of a run of several.

    Dagster records it for the run alone. A partition's counts only where it names the newest
    materialisation: an older one was of other rows.
    """
    if len(context.partition_keys) == 1:  # Dagster does it
        return
    for key in context.partition_keys:
        context.op_execution_context.log_event(
            dg.AssetCheckEvaluation(  # type: ignore[arg-type] # it is taken
                asset_key=check.asset_key,
                check_name=check.name,
                passed=result.passed,
                metadata=result.metadata,
                severity=result.severity,
                description=result.description,
                partition=key,
                target_materialization_data=_newest(context.instance, check.asset_key, key),
            )
        )


def _newest(instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str) -> Any:
    """Return what names a partition's newest materialisation; None where it was never made."""
    wanted = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[partition])
    for made in instance.fetch_materializations(wanted, limit=1).records:
        target = {
            "__class__": "AssetCheckEvaluationTargetMaterializationData",
            "storage_id": made.storage_id,
            "run_id": made.run_id,
            "timestamp": made.timestamp,
        }
        return dg.deserialize_value(json.dumps(target))
    return None
