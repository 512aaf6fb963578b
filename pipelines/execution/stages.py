"""The stages of a command: which assets each of its Dagster runs materialises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.training.hearing.result import NAME as HEARING


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Assets of a job that one run materialises for a corpus, for all tiers or without any.

    `config` is the run config of steps by name.
    """

    title: str
    job: str
    assets: tuple[tuple[str, ...], ...]
    tiers: bool = False
    config: Mapping[str, object] = field(default_factory=dict)


TABLES = ("pairs", "heuristics", "samples", "audio_features", "midi_tokens")
"""A recipe's assets that are partitioned by corpus and tier."""

AUDITS = ("label_structure", "shortcut_audit", "label_quality", "listening_page", "token_audit")

CORPUS = Stage(title="corpus", job="corpus_tables", assets=(("corpus",), ("segments",)))

PRETRAINING = Stage(title="pretraining", job="pretraining", assets=(("midi_pretrain",),))


def grader_stage(also: Sequence[str], seed: int) -> Stage:
    """Return the stage of the take grader, which learns from further corpora, too."""
    config = {"take_grader": {"config": {"also": list(also), "seed": seed}}}
    return Stage(
        title="take grader", job="take_grader_fit", assets=(("take_grader",),), config=config
    )


def tables_job(recipe_name: str) -> str:
    """Return the name of the job that makes a recipe's tables."""
    return f"{recipe_name}_tables"


def models_job(recipe_name: str) -> str:
    """Return the name of the job that makes a recipe's models, pages and reports."""
    return f"{recipe_name}_models"


def models_stage(title: str, recipe_name: str, *names: str) -> Stage:
    """Return a stage of some of a recipe's models, pages and reports."""
    assets = tuple((recipe_name, name) for name in names)
    return Stage(title=title, job=models_job(recipe_name), assets=assets)


def stages(recipe_name: str, experiments: Sequence[str]) -> list[Stage]:
    """Return the whole graph of a recipe: one run for assets with tiers, one for the rest.

    Transcription is included where its extra is installed.
    """
    from models.inference.transcriber import can_transcribe

    optional = ("transcription",) if can_transcribe() else ()
    heard = "audio_features"  # made with the detector, which learns from the pairs
    shards = tuple((recipe_name, name) for name in TABLES if name != heard)
    features = ((recipe_name, heard),)
    models = models_stage("", recipe_name, *AUDITS, *experiments, *optional, "evaluation")
    return [
        CORPUS,
        Stage(title="shards", job=tables_job(recipe_name), assets=shards, tiers=True),
        models_stage("note detector", recipe_name, HEARING),
        Stage(title="audio features", job=tables_job(recipe_name), assets=features, tiers=True),
        Stage(
            title="models and reports",
            job=models.job,
            assets=(("midi_pretrain",), *models.assets, ("recipe_comparison",)),
        ),
    ]
