"""Everything that Dagster sees: assets, checks, sensors and resources."""

import dagster as dg

from pipelines.assets.comparison import comparison_asset
from pipelines.assets.corpus import corpus, segments
from pipelines.assets.derived import derived_assets
from pipelines.assets.evaluation import evaluation_asset
from pipelines.assets.human_validation import human_validation_asset
from pipelines.assets.label_quality import label_quality_asset
from pipelines.assets.label_structure import label_structure_asset
from pipelines.assets.listening import listening_page_asset
from pipelines.assets.pairs import pairs_asset
from pipelines.assets.pretraining import midi_pretrain
from pipelines.assets.recipe import recipe_asset
from pipelines.assets.shortcut_audit import shortcut_audit_asset
from pipelines.assets.token_audit import token_audit_asset
from pipelines.assets.training import training_assets
from pipelines.assets.transcription import transcription_asset
from pipelines.checks.audits import AUDIT_CHECKS, audit_check
from pipelines.checks.pairs import PAIRS_CHECKS, pairs_check
from pipelines.checks.pretraining import every_field_beats_the_unigram
from pipelines.checks.splits import no_composition_in_two_splits
from pipelines.execution.terminal_logger import TERMINAL, terminal_logger
from pipelines.partitions import tier_year_partitions
from pipelines.resources import Project
from pipelines.sensors import automation_sensor, recipe_sensor
from pipelines.settings import load_settings, recipe_names


def recipe_definitions(name: str, years: list[str]) -> dg.Definitions:
    """Return one recipe's branch of the graph; each YAML file has one."""
    partitions = tier_year_partitions(years)
    return dg.Definitions(
        assets=[
            recipe_asset(name),
            pairs_asset(name, partitions),
            *derived_assets(name, partitions),
            label_quality_asset(name),
            label_structure_asset(name),
            shortcut_audit_asset(name),
            listening_page_asset(name),
            token_audit_asset(name),
            *training_assets(name),
            transcription_asset(name),
            evaluation_asset(name),
            human_validation_asset(name),
        ],
        asset_checks=[
            *(pairs_check(name, check) for check in PAIRS_CHECKS),
            *(audit_check(name, check) for check in AUDIT_CHECKS),
        ],
    )


def build_definitions() -> dg.Definitions:
    """Return the whole graph for the corpus that the settings name."""
    years, names = load_settings().years(), recipe_names()
    return dg.Definitions.merge(
        dg.Definitions(
            assets=[corpus, segments, midi_pretrain, comparison_asset(names)],
            asset_checks=[no_composition_in_two_splits, every_field_beats_the_unigram],
            sensors=[recipe_sensor(names), automation_sensor()],
            resources={"project": Project()},
            loggers={TERMINAL: terminal_logger, "console": dg.colored_console_logger},
        ),
        *(recipe_definitions(name, years) for name in names),
    )


defs = build_definitions()
