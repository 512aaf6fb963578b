"""Human validation: labeling functions and trained models beside PercePiano's listeners."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow.compute as pc

from degradation.notes import Performance
from models.config.experiment import ENCODES_NOTES, Experiment
from models.config.human_validation import load_human_validation
from models.evaluation.human.document import HumanValidation
from models.evaluation.human.page import summary_lines, write_human_validation
from models.training.pretraining.source import CorpusTable
from models.training.result import is_trained
from pipelines.assets.accounted import accounted
from pipelines.assets.pretraining import pretrained_corpus, pretrained_folder
from pipelines.assets.training import find_result, read_examples
from pipelines.metadata import defined, records_metadata
from pipelines.partitions import CORPORA
from pipelines.resources import Project
from pipelines.settings import CONFIGS, find_recipe
from pipelines.workspace import Workspace
from storage.percepiano import read_percepiano
from storage.tables import open_table, read_table, table_exists

if TYPE_CHECKING:
    from models.evaluation.human.comparison import TrainedModels
    from models.inference.trained_model import TrainedModel


def human_validation_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of human validation."""

    @dg.asset(
        key=[recipe_name, "human_validation"],
        deps=[[recipe_name, "evaluation"]],
        partitions_def=CORPORA,
        group_name=f"{recipe_name}_models",
        kinds={"html"},
        owners=["team:research"],
        code_version="6",
        description=(
            "How labeling functions, trained models, hand-made features and fine-tuning agree with "
            "PercePiano's ratings. Needs the setting `percepiano`, a checkout of it."
        ),
    )
    @accounted
    def human_validation(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        from models.evaluation.human.comparison import compare_with_listeners

        workspace, recipe = project.workspace(context.partition_key), find_recipe(recipe_name)
        if project.settings.percepiano is None:
            return dg.MaterializeResult(
                metadata={
                    "left out": "no PercePiano folder is set: run `pianograde validate "
                    "--percepiano FOLDER`, or set PIANOGRADE_PERCEPIANO"
                }
            )
        found = compare_with_listeners(
            read_percepiano(project.settings.percepiano),
            find_trained(workspace, recipe_name),
            project.settings.corpus_config(),
            recipe.instruments[0],
            load_human_validation(CONFIGS / "human_validation.yaml"),
            recipe=recipe_name,
            log=context.log.info,
        )
        with workspace.write(workspace.output(recipe_name, "human_validation")) as folder:
            paths = write_human_validation(found, folder)
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.url(project.settings.link(paths.html)),
                "json": dg.MetadataValue.path(paths.json),
                **shown(found),
            }
        )

    return human_validation


def find_trained(workspace: Workspace, recipe_name: str) -> "TrainedModels":
    """Return the trained models, and what they and their pretrained encoder have read."""
    from models.evaluation.human.comparison import TrainedModels

    models = trained_models(workspace, recipe_name)
    return TrainedModels(
        models=models,
        trained_on=train_split(workspace),
        pretrained_on=pretrained_on(workspace),
        pretrained_dir=pretrained_folder(workspace) if ENCODES_NOTES & set(models) else None,
    )


def trained_models(workspace: Workspace, recipe_name: str) -> "dict[Experiment, TrainedModel]":
    """Return the models of a recipe and the chosen experiment file that are trained.

    Raises UserError for one that was trained on other data or settings than today's, or from
    another encoder: what it was trained on would not be known.
    """
    from models.inference.trained_model import load_model

    folders = {
        name: folder
        for name in workspace.experiment_config().experiments
        if is_trained(folder := workspace.fetch(workspace.model_folder(recipe_name, name)))
    }
    if folders:
        data = read_examples(workspace, recipe_name)
        for name in folders:
            find_result(workspace, recipe_name, name, data)
    return {name: load_model(folder) for name, folder in folders.items()}


def train_split(workspace: Workspace) -> Iterator[tuple[str, Performance]]:
    """Yield MIDI file and performance of the corpus's train split."""
    return performances_of(workspace, "train")


def performances_of(workspace: Workspace, split: str) -> Iterator[tuple[str, Performance]]:
    """Yield MIDI file and performance of a split of the corpus."""
    table = workspace.corpus_table("performances")
    if not table_exists(table):
        return
    rows = read_table(table).to_table(
        columns=["performance_id", "midi_filename"], filter=pc.field("split") == split
    )
    files = dict(zip(*(column.to_pylist() for column in rows.columns), strict=True))
    source = CorpusTable(table=table, version=int(open_table(table).version()))
    for performance_id, performance in source(split, None):
        yield files[performance_id], performance


def pretrained_on(workspace: Workspace) -> Iterator[tuple[str, Performance]]:
    """Yield MIDI file and performance of all that the models' pretrained encoder has read."""
    if read := pretrained_corpus(workspace):
        yield from train_split(read)


def shown(found: HumanValidation) -> dict[str, Any]:
    """Return the figures that the Dagster UI shows."""
    mean, baseline = found.mean_reliability, found.baseline_by_work
    rows = [(row.name, row) for row in found.functions]
    for experiment, of_model in (found.models.rows if found.models else {}).items():
        rows += [(f"{experiment}: {row.name}", row) for row in of_model]
    return {
        "clips judged": found.clips.judged,
        "clips quarantined": len(found.clips.quarantine),
        "ICC(1)": defined(mean["icc_1"]),
        "ICC(k)": defined(mean["icc_k"]),
        "split half": defined(mean["split_half"]),
        "baseline R² on held-out works": defined(baseline.r2),
        "baseline r within score": defined(baseline.within_r),
        "in words": dg.MetadataValue.md("\n".join(f"- {line}" for line in summary_lines(found))),
        "within score": records_metadata(
            [
                {"name": name, "scale": row.scale, "rho": row.within.rho, "verdict": row.verdict}
                for name, row in rows
            ]
        ),
    }
