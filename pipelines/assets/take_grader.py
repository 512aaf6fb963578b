"""The grader of whole takes, fitted to performances that recipe lifelike damages."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from degradation.errors import UserError
from degradation.factored import FactoredRecipe
from labeling.scores import OVERALL
from models.document import write_document
from models.take_grader.document import FILE, NAME, Music, TakeGrader
from models.take_grader.fit import fit_take_grader
from models.training.pretraining.source import CorpusTable
from pipelines.assets.accounted import accounted
from pipelines.assets.pretraining import performances_version
from pipelines.metadata import defined, records_metadata
from pipelines.partitions import CORPORA
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace
from storage.tables import data_file_rows
from storage.versions import find_version

RECIPE = "lifelike"
"""The recipe whose faults are those that people make."""

Log = Callable[[str], None]


class Fit(dg.Config):
    """What the grader learns from besides its own corpus, and the seed of what is drawn."""

    also: list[str] = Field(default=[], description="further corpora, whose tables are made")
    seed: int = 0


def take_grader_asset(recipe_names: Sequence[str]) -> dg.AssetsDefinition:
    """Return the asset; it follows the recipe where the folder of recipes has it."""
    recipe = dg.AssetDep([RECIPE, "recipe"], partition_mapping=dg.AllPartitionMapping())

    @dg.asset(
        key=[NAME],
        deps=["corpus", *([recipe] if RECIPE in recipe_names else [])],
        partitions_def=CORPORA,
        group_name="corpus",
        kinds={"json"},
        owners=["team:research"],
        code_version="1",
        description=(
            "A grader of whole takes that needs neither sound nor torch: monotone curves of plain "
            f"measures of the notes, fitted to this corpus's performances, damaged by recipe "
            f"{RECIPE}, and judged on its test split. `also` names further corpora to learn from. "
            "The one that `pianograde score` uses ships with the package; this is one of your own."
        ),
    )
    @accounted
    def take_grader(
        context: dg.AssetExecutionContext, project: Project, config: Fit
    ) -> dg.MaterializeResult[None]:
        names = dict.fromkeys([context.partition_key, *config.also])
        own, *others = (project.workspace(name) for name in names)
        grader = fit_to([own, *others], config.seed, context.log.info)
        with own.write(own.take_grader_folder) as folder:
            write_document(folder / FILE, grader)
        return dg.MaterializeResult(metadata=grader_metadata(grader, folder / FILE))

    return take_grader


def fit_to(workspaces: Sequence[Workspace], seed: int, log: Log) -> TakeGrader:
    """Return the grader fitted to the newest performances of corpora, in this order."""
    corpora = dict(map(read_music, workspaces))
    return fit_take_grader(corpora, lifelike(), seed=seed, log=log)


def read_music(workspace: Workspace) -> tuple[Music, CorpusTable]:
    """Return what a record says of a corpus's newest performances, and where they are read.

    Raises UserError where the corpus was not made.
    """
    table = workspace.corpus_table("performances")
    version = find_version(table).version
    music = Music(
        corpus=workspace.corpus.name,
        performances=sum(data_file_rows(table, version).values()),
        digest=performances_version(workspace, version),
    )
    return music, CorpusTable(table=table, version=version)


def lifelike() -> FactoredRecipe:
    """Return the recipe that damages. Raises UserError where its file is of another kind."""
    recipe = find_recipe(RECIPE)
    if not isinstance(recipe, FactoredRecipe):
        raise UserError(
            f"recipe {RECIPE} is of kind {recipe.kind}; expected factored, whose faults have a "
            "severity each: give its file back its content, and this recipe another name"
        )
    return recipe


def skill_rows(grader: TakeGrader) -> list[dict[str, Any]]:
    """Return r and mean absolute error on pieces not learnt from, one row for each dimension."""
    return [
        {"dimension": name, "r": skill.r, "error": skill.error_points}
        for name, skill in grader.skill.items()
    ]


def grader_lines(grader: TakeGrader) -> list[str]:
    """Return the dimensions as lines of a table, then what was learnt from and judged by."""
    lines = [f"{'dimension':<24}{'r':>6}{'error':>7}"]
    for name, r, error in (row.values() for row in skill_rows(grader)):
        lines.append(f"{name:<24}{r:>6.2f}{error:>7.1f}")
    music = ", ".join(f"{one.corpus} ({one.performances} performances)" for one in grader.music)
    return [
        *lines,
        f"points of 100, on {grader.judged:,} damaged passages of pieces not learnt from",
        f"learnt from {grader.learnt:,} passages of {music}",
    ]


def grader_metadata(grader: TakeGrader, file: Path) -> dict[str, Any]:
    """Return a grader's figures, its curves as lists of points, and where it lies."""
    curves: dict[str, Any] = {
        name: {one.measure: {"value": one.knots, "adds (JND)": one.adds} for one in model.curves}
        for name, model in grader.dimensions.items()
    }
    return {
        "r": defined(grader.skill[OVERALL].r),
        "error": defined(grader.skill[OVERALL].error_points),
        "dimensions": records_metadata(skill_rows(grader)),
        "curves": dg.MetadataValue.json(curves),
        "passages learnt from": grader.learnt,
        "passages judged": grader.judged,
        "music": records_metadata([asdict(one) for one in grader.music]),
        "seed": grader.seed,
        "file": dg.MetadataValue.path(file),
    }
