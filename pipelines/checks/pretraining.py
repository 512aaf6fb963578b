"""The check that pretraining learnt more than the frequencies of classes."""

import dagster as dg

from models.training.pretraining.result import load_pretraining
from pipelines.assets.pretraining import KEY, pretrained_folder
from pipelines.partitions import CORPORA
from pipelines.resources import Project


@dg.asset_check(asset=KEY, partitions_def=CORPORA)
def every_field_beats_the_unigram(
    context: dg.AssetCheckExecutionContext, project: Project
) -> dg.AssetCheckResult:
    """The encoder predicts each hidden field better than the frequencies of its classes do."""
    folder = pretrained_folder(project.workspace(context.partition_key))
    if folder is None:
        return dg.AssetCheckResult(passed=True, metadata={"pretraining": "off"})
    beaten = load_pretraining(folder).best.beats_unigram
    behind = [field for field, beats in beaten.items() if not beats]
    return dg.AssetCheckResult(
        passed=not behind,
        # A small corpus may be too little to learn from, which is no reason to stop.
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"fields": len(beaten), "behind": ", ".join(behind) or "none"},
    )
