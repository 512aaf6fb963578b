"""Teacher validation: functions and trained models beside piano teachers' ratings."""

import itertools

import dagster as dg

from pipelines.assets.accounted import accounted
from pipelines.assets.human_validation import performances_of, pretrained_on, trained_models
from pipelines.metadata import records_metadata
from pipelines.partitions import CORPORA
from pipelines.resources import Project
from pipelines.settings import find_recipe
from storage.teachers import read_teachers


def teacher_validation_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of teacher validation."""

    @dg.asset(
        key=[recipe_name, "teacher_validation"],
        deps=[[recipe_name, "evaluation"]],
        partitions_def=CORPORA,
        group_name=f"{recipe_name}_models",
        kinds={"html"},
        owners=["team:research"],
        code_version="2",
        description=(
            "How labeling functions and trained models agree with piano teachers' ratings of whole "
            "recordings. Needs the setting `teachers`, a folder of them."
        ),
    )
    @accounted
    def teacher_validation(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        from models.evaluation.human.teachers import compare_with_teachers, write_teacher_validation

        workspace, recipe = project.workspace(context.partition_key), find_recipe(recipe_name)
        if project.settings.teachers is None:
            return dg.MaterializeResult(
                metadata={
                    "left out": "no folder of rated recordings is set: run `pianograde validate "
                    "--teachers FOLDER`, or set PIANOGRADE_TEACHERS"
                }
            )
        splits = (performances_of(workspace, split) for split in ("train", "validation"))
        found = compare_with_teachers(
            read_teachers(project.settings.teachers),
            trained_models(workspace, recipe_name),
            itertools.chain(*splits, pretrained_on(workspace)),
            project.settings.corpus_config(),
            recipe.instruments[0],
            recipe=recipe_name,
        )
        with workspace.write(workspace.output(recipe_name, "teacher_validation")) as folder:
            paths = write_teacher_validation(found, folder)
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.url(project.settings.link(paths.html)),
                "json": dg.MetadataValue.path(paths.json),
                "recordings": sum(found.recordings.values()),
                "recordings quarantined": len(found.quarantine),
                "rank correlation": records_metadata(
                    [
                        {
                            "kind": one.kind,
                            "name": one.name,
                            "pooled": one.pooled.rho,
                            "within piece": one.within.rho,
                        }
                        for one in (*found.teachers, *found.graders)
                    ]
                ),
            }
        )

    return teacher_validation
