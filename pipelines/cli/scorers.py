"""Who grades: the installed take grader, or the trained models of a corpus and a recipe."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from degradation.recipe import Recipe
    from models.inference.scorer import Scorer
    from models.inference.sources import Sources
    from models.inference.take_scorer import TakeScorer


def by_take_grader(
    recipe: str | None,
    model: str | None,
    corpus: str | None,
    transcribe: bool,
    performances: "list[Sources]",
) -> bool:
    """Return whether the installed grader is asked for, or nothing is and there are notes."""
    from models.take_grader.document import NAME

    if model or recipe or corpus:
        return model == NAME
    return transcribe or any(one.midi is not None for one in performances)


def take_scorer(transcribe: bool) -> "tuple[TakeScorer, Recipe]":
    """Return the installed grader, and the recipe that it learnt from."""
    from models.inference.take_scorer import TakeScorer
    from models.take_grader.document import installed_grader
    from pipelines.settings import CONFIGS, find_recipe
    from storage.corpus import load_corpus_config

    grader, transcriber = installed_grader(), None
    if transcribe:
        from joblib import cpu_count

        from models.inference.transcriber import load_transcriber

        transcriber = load_transcriber(cpu_count())
    tolerance_s = load_corpus_config(CONFIGS / "corpus.yaml").duration_tolerance_s
    return TakeScorer(grader, transcriber, tolerance_s), find_recipe(grader.recipe)


def trained_scorer(
    recipe: str, model: str | None, corpus: str | None, transcribe: bool
) -> "tuple[Scorer, Recipe]":
    """Return the trained models of a corpus and a recipe; `model` is the only one, if any."""
    from models.config.experiment import EXPERIMENTS
    from models.inference.model_choice import ModelChoice
    from pipelines.settings import find_recipe
    from pipelines.workspace import open_workspace

    chosen, workspace = find_recipe(recipe), open_workspace(corpus)
    choice = ModelChoice(
        {name: workspace.fetch(workspace.model_folder(recipe, name)) for name in EXPERIMENTS}, model
    )

    from models.inference.scorer import Scorer
    from models.inference.transcriber import load_transcriber

    threads = workspace.experiment_config().torch_threads
    transcriber = load_transcriber(threads) if transcribe else None
    config = workspace.settings.corpus_config()
    return Scorer(choice, config, chosen.sample_rate_hz, transcriber), chosen
