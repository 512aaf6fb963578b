"""A check's result for each partition of a run, as the automation asks for it."""

import json

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
        wanted = dg.AssetRecordsFilter(asset_key=check.asset_key, asset_partitions=[key])
        made = context.instance.fetch_materializations(wanted, limit=1).records
        target = {
            "__class__": "AssetCheckEvaluationTargetMaterializationData",
            "storage_id": made[0].storage_id,
            "run_id": made[0].run_id,
            "timestamp": made[0].timestamp,
        }
        context.op_execution_context.log_event(
            dg.AssetCheckEvaluation(  # type: ignore[arg-type] # it is taken
                asset_key=check.asset_key,
                check_name=check.name,
                passed=result.passed,
                metadata=result.metadata,
                severity=result.severity,
                description=result.description,
                partition=key,
                target_materialization_data=dg.deserialize_value(json.dumps(target)),  # type: ignore[arg-type]
            )
        )
