"""The stages of a command: which assets each of its Dagster runs materialises."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Assets that one run materialises, over all partitions or without any."""

    title: str
    assets: tuple[tuple[str, ...], ...]
    partitioned: bool = False


CORPUS = Stage(title="corpus", assets=(("corpus",), ("segments",)))


def pretraining_stages() -> list[Stage]:
    """Return what the pretrained MIDI encoder needs: no recipe."""
    return [CORPUS, Stage(title="pretraining", assets=(("midi_pretrain",),))]


def recipe_stage(title: str, recipe_name: str, *names: str, partitioned: bool = False) -> Stage:
    """Return a stage of assets of one recipe."""
    assets = tuple((recipe_name, name) for name in names)
    return Stage(title=title, assets=assets, partitioned=partitioned)


def stages(recipe_name: str, experiments: Sequence[str]) -> list[Stage]:
    """Return the whole graph of a recipe: one run for assets with partitions, one for the rest.

    Transcription is included where its extra is installed.
    """

    from models.inference.transcriber import can_transcribe

    shards = ("pairs", "heuristics", "samples", "audio_features", "midi_tokens")
    audits = ("label_structure", "shortcut_audit", "label_quality", "listening_page", "token_audit")
    optional = ("transcription",) if can_transcribe() else ()
    models = recipe_stage("", recipe_name, *audits, *experiments, *optional, "evaluation")
    return [
        CORPUS,
        recipe_stage("shards", recipe_name, *shards, partitioned=True),
        Stage(
            title="models and reports",
            assets=(("midi_pretrain",), *models.assets, ("recipe_comparison",)),
        ),
    ]
