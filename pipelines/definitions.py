"""Everything that Dagster sees: assets, checks, jobs, sensors, schedules and resources."""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from pipelines.assets.comparison import comparison_asset
from pipelines.assets.corpus import corpus, segments
from pipelines.assets.derived import derived_assets
from pipelines.assets.evaluation import evaluation_asset
from pipelines.assets.hearing import hearing_asset
from pipelines.assets.human_validation import human_validation_asset
from pipelines.assets.label_quality import label_quality_asset
from pipelines.assets.label_structure import label_structure_asset
from pipelines.assets.listening import listening_page_asset
from pipelines.assets.pairs import pairs_asset
from pipelines.assets.pretraining import midi_pretrain
from pipelines.assets.recipe import recipe_asset
from pipelines.assets.shortcut_audit import shortcut_audit_asset
from pipelines.assets.take_grader import take_grader_asset
from pipelines.assets.teacher_validation import teacher_validation_asset
from pipelines.assets.token_audit import token_audit_asset
from pipelines.assets.training import training_assets
from pipelines.assets.transcription import transcription_asset
from pipelines.checks.audits import AUDIT_CHECKS, audit_check
from pipelines.checks.pairs import PAIRS_CHECKS, pairs_check
from pipelines.checks.pretraining import every_field_beats_the_unigram
from pipelines.checks.recipe import recipe_check
from pipelines.checks.splits import no_composition_in_two_splits
from pipelines.contents import overview
from pipelines.execution.stages import models_job, tables_job
from pipelines.execution.terminal_logger import TERMINAL, terminal_logger
from pipelines.jobs import verification, verification_weekly
from pipelines.resources import Project
from pipelines.schedules import nightly_schedule
from pipelines.sensors import (
    automation_sensor,
    commands_killed,
    corpora_changed,
    recipe_sensor,
    run_failed,
)
from pipelines.settings import load_settings, recipe_names


def presented(assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Return assets as the UI shows them: with their source, the pages made, and when overdue."""
    settings = load_settings()
    pages = dg.MetadataValue.url(settings.link(overview(settings)))

    def present(spec: dg.AssetSpec) -> dg.AssetSpec:
        shown: dg.AssetSpec = spec.merge_attributes(metadata={"everything made": pages})
        if settings.fresh_days:
            age = timedelta(days=settings.fresh_days)
            policy = dg.FreshnessPolicy.time_window(fail_window=age, warn_window=age * 0.8)
            shown = dg.apply_freshness_policy(shown, policy)
        return shown

    return [
        one.map_asset_specs(present)
        for one in dg.with_source_code_references(list(assets))
        if isinstance(one, dg.AssetsDefinition)
    ]


def recipe_definitions(name: str) -> dg.Definitions:
    """Return one recipe's branch of the graph; each YAML file has one."""
    tables = [pairs_asset(name), *derived_assets(name)]
    models = [
        label_quality_asset(name),
        label_structure_asset(name),
        shortcut_audit_asset(name),
        listening_page_asset(name),
        token_audit_asset(name),
        hearing_asset(name),
        *training_assets(name),
        transcription_asset(name),
        evaluation_asset(name),
        human_validation_asset(name),
        teacher_validation_asset(name),
    ]
    return dg.Definitions(
        assets=[recipe_asset(name), *presented([*tables, *models])],
        asset_checks=[
            recipe_check(name),
            *(pairs_check(name, check) for check in PAIRS_CHECKS),
            *(audit_check(name, check) for check in AUDIT_CHECKS),
        ],
        jobs=[
            dg.define_asset_job(
                tables_job(name),
                dg.AssetSelection.assets(*tables),
                description=f"The tables of recipe {name}, for tiers of corpora.",
            ),
            dg.define_asset_job(
                models_job(name),
                dg.AssetSelection.assets(*models, "midi_pretrain", "recipe_comparison"),
                description=f"Audits, models, pages and reports of recipe {name}, for a corpus.",
            ),
        ],
        schedules=[nightly_schedule(name)],
    )


def build_definitions(executor: dg.ExecutorDefinition = dg.in_process_executor) -> dg.Definitions:
    """Return the whole graph: a branch for each recipe, partitions for each corpus.

    By default a run is one process: a step has all cores by its own workers, and each process more
    would import everything again. `docs/operations.md` says how a team takes another executor.
    """
    names = recipe_names()
    take_grader = take_grader_asset(names)
    return dg.Definitions.merge(
        dg.Definitions(
            assets=presented(
                [corpus, segments, midi_pretrain, take_grader, comparison_asset(names)]
            ),
            asset_checks=[no_composition_in_two_splits, every_field_beats_the_unigram],
            jobs=[
                dg.define_asset_job(
                    "corpus_tables",
                    dg.AssetSelection.assets(corpus, segments),
                    description="Performances and segments of a corpus, which all recipes share.",
                ),
                dg.define_asset_job(
                    "pretraining",
                    dg.AssetSelection.assets(midi_pretrain),
                    description="The MIDI encoder of a corpus, pretrained for the models.",
                ),
                dg.define_asset_job(
                    "take_grader_fit",
                    dg.AssetSelection.assets(take_grader),
                    description="The grader of whole takes, fitted to a corpus and others.",
                ),
                verification,
            ],
            schedules=[verification_weekly],
            sensors=[
                recipe_sensor(names),
                corpora_changed,
                commands_killed,
                automation_sensor,
                run_failed,
            ],
            resources={"project": Project()},
            loggers={TERMINAL: terminal_logger, "console": dg.colored_console_logger},
            executor=executor,
        ),
        *(recipe_definitions(name) for name in names),
    )


defs = build_definitions()
