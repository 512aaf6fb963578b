"""Evaluation: what the models learnt, judged on music they have not seen."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from degradation.factored import FactoredRecipe
from degradation.recipe import TIERS, Recipe
from degradation.sound_effects import Bandpass, Noise
from models.config.experiment import EXPERIMENTS, MODALITIES, SINGLES, Experiment
from models.evaluation.audits.documents import (
    LabelStructure,
    ShortcutAudit,
    TokenAudit,
    TranscriptionAudit,
)
from models.evaluation.ceilings.label_ceiling import TierScores
from models.evaluation.criteria.verdict import Criterion
from models.evaluation.report.build import build_report
from models.evaluation.report.document import TierSound
from models.evaluation.report.environment import say, write_report
from models.evaluation.report.evaluation import Evaluation, Outcome
from models.evaluation.report.figures.files import write_figures
from models.evaluation.report.page import report_page
from models.training.hearing.result import load_hearing
from models.training.pretraining.result import load_pretraining
from models.training.record import read_record
from models.training.result import is_trained
from pipelines.assets.accounted import accounted
from pipelines.assets.pretraining import pretrained_folder
from pipelines.assets.training import LabelledExamples, find_result, read_examples
from pipelines.documents import read_if_made, read_made
from pipelines.metadata import defined, records_metadata
from pipelines.partitions import CORPORA
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace

JUDGED_SPLIT = "test"


def evaluation_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of its report."""

    @dg.asset(
        key=[recipe_name, "evaluation"],
        deps=[
            [recipe_name, name]
            for name in (
                *EXPERIMENTS,
                *("token_audit", "label_structure", "shortcut_audit", "transcription"),
            )
        ],
        partitions_def=CORPORA,
        group_name=f"{recipe_name}_models",
        kinds={"html"},
        owners=["team:research"],
        code_version="8",
        description=(
            "The report: mean and per-dimension r and MAE on held-out compositions, beside what "
            "the labels allow at best; success criteria, tiers named right, and where "
            "there are counterfactual rows, how grades follow what was changed. HTML, and the "
            "same numbers as JSON."
        ),
    )
    @accounted
    def evaluation(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        workspace, recipe = project.workspace(context.partition_key), find_recipe(recipe_name)
        config, data = workspace.experiment_config(), read_examples(workspace, recipe_name)
        start = pretrained_folder(workspace)
        outcomes = tuple(
            judge(workspace, recipe_name, experiment, data) for experiment in config.experiments
        )
        transcription = read_if_made(workspace, recipe_name, "transcription", TranscriptionAudit)
        if transcription and (others := other_models(transcription, outcomes)):
            context.log.warning(
                f"{recipe_name}/transcription is left out: it graded by another "
                f"{', '.join(others)} than is judged here; materialise it again to see it"
            )
            transcription = None
        ears = workspace.fetch(workspace.hearing_folder(recipe_name))
        report = build_report(
            Evaluation(
                recipe=recipe_name,
                kind=recipe.kind,
                audio_source=recipe.audio_source,
                corpus=workspace.corpus.name,
                licence=workspace.corpus.found_licence,
                samples=data.samples,
                split=JUDGED_SPLIT,
                tiers=tier_scores(recipe),
                sounds=tier_sounds(recipe),
                outcomes=outcomes,
                token_audit=read_made(workspace, recipe_name, "token_audit", TokenAudit),
                label_structure=read_if_made(
                    workspace, recipe_name, "label_structure", LabelStructure
                ),
                shortcut_audit=read_if_made(
                    workspace, recipe_name, "shortcut_audit", ShortcutAudit
                ),
                transcription=transcription,
                pretraining=load_pretraining(start) if start else None,
                hearing=load_hearing(ears) if config.hearing and is_trained(ears) else None,
                config=config,
                seed=recipe.seed,
            )
        )
        with workspace.write(workspace.output(recipe_name, "evaluation")) as folder:
            paths = write_report(report, report_page(report), folder, "report")
            write_figures(report, folder / "figures")
        context.log.info(f"{recipe_name}/evaluation: {paths.html}")
        return dg.MaterializeResult(
            metadata={
                "report": dg.MetadataValue.url(project.settings.link(paths.html)),
                "json": dg.MetadataValue.path(paths.json),
                "label ceiling r": defined(report.ceiling.mean_r),
                "label ceiling MAE": defined(report.ceiling.mean_mae),
                "baseline MAE": defined(report.baseline.mean_mae),
                **{f"r of {one.name}": defined(one.agreement.mean_r) for one in report.models},
                "success criteria": records_metadata(
                    [criterion_row(one) for one in report.criteria]
                ),
                "experiments": records_metadata(
                    [
                        {
                            "name": one.name,
                            "mean_r": one.agreement.mean_r,
                            "mean_mae": one.agreement.mean_mae,
                            "share_of_ceiling_r": one.share_of_ceiling_r,
                            "within_tier_r": one.within_tier_r,
                        }
                        for one in report.models
                    ]
                ),
            }
        )

    return evaluation


def judge(
    workspace: Workspace, recipe_name: str, experiment: Experiment, data: LabelledExamples
) -> Outcome:
    """Return a model's scores for the judged split.

    Raises UserError for a model that was not trained on these data with these settings.
    """

    from models.inference.predict import predict_split
    from models.inference.trained_model import load_model

    training = find_result(workspace, recipe_name, experiment, data)
    model = load_model(workspace.model_folder(recipe_name, experiment))
    modalities = MODALITIES[experiment]
    counterfactual = f"{JUDGED_SPLIT}_counterfactual"
    return Outcome(
        training=training,
        record=read_record(training.checkpoint),
        predictions=predict_split(model, data.parts, data.samples, JUDGED_SPLIT),
        alone={
            modality: predict_split(
                model, data.parts, data.samples, JUDGED_SPLIT, modalities=frozenset({modality})
            )
            for modality in (sorted(modalities) if len(modalities) > 1 else ())
        },
        counterfactual=(
            predict_split(model, data.parts, data.samples, counterfactual)
            if (data.samples["split"] == counterfactual).any()
            else None
        ),
        validation=(
            predict_split(model, data.parts, data.samples, "validation")
            if experiment in SINGLES.values()
            else None
        ),
    )


def other_models(transcription: TranscriptionAudit, outcomes: Sequence[Outcome]) -> list[str]:
    """Return the models of a comparison by transcription that are not those judged.

    Its file is that of the experiment file materialised last.
    """
    judged = {one.training.experiment: one.training.identity for one in outcomes}
    return [name for name, identity in transcription.models.items() if judged.get(name) != identity]


def criterion_row(criterion: Criterion) -> dict[str, str]:
    """Return a success criterion as the UI shows it."""
    return {
        "criterion": say(criterion.asks).striptags(),
        "passed": {True: "yes", False: "no", None: "undecided"}[criterion.passed],
        "found": say(criterion.found).striptags(),
        "because": " ".join(say(reason).striptags() for reason in criterion.because),
    }


def report_file(workspace: Workspace, recipe_name: str) -> Path:
    """Return where the numbers of a recipe's report lie."""
    return workspace.fetch(workspace.output(recipe_name, "evaluation")) / "report.json"


def tier_scores(recipe: Recipe) -> tuple[TierScores, ...]:
    """Return each tier's share and score range, best first."""
    if isinstance(recipe, FactoredRecipe):
        falling = [score for _, score in recipe.score_curve.knots]
        ranges = dict(zip(TIERS, zip(falling[1:], falling, strict=False), strict=True))
    else:
        ranges = {tier: recipe.tiers[tier].scores for tier in TIERS}
    return tuple(
        TierScores(name=tier, probability=recipe.tier_shares[tier], low=low, high=high)
        for tier, (low, high) in ranges.items()
    )


def tier_sounds(recipe: Recipe) -> dict[str, TierSound]:
    """Return what the recipe does to the sound of each tier that it draws, best first.

    A factored recipe treats the sound of all tiers alike: its nuisance is none of them.
    """

    if isinstance(recipe, FactoredRecipe):
        return {tier: TierSound(snr_db=None, band_hz=None) for tier in TIERS}
    return {
        tier: TierSound(
            snr_db=next(
                (op.snr_db for op in damage.sound_operations if isinstance(op, Noise)), None
            ),
            band_hz=next(
                (
                    (op.low_hz, op.high_hz)
                    for op in damage.sound_operations
                    if isinstance(op, Bandpass)
                ),
                None,
            ),
        )
        for tier, damage in recipe.tiers.items()
        if damage.probability
    }
