"""Fits the take grader to performances that a recipe damages; no sound is rendered."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from degradation.degrade import damage_notes
from degradation.draws import factored_draws
from degradation.errors import UserError
from degradation.factored import FactoredRecipe
from degradation.notes import Performance
from degradation.seeds import stream
from labeling.scores import DIMENSIONS, OVERALL, Dimension, severities
from models.metrics import mean_absolute_error, pearson_r
from models.provenance import provenance
from models.skill import Skill
from models.take_grader.additive import Additive, fit_additive
from models.take_grader.document import Music, TakeGrader
from models.take_grader.takes import (
    FALLING,
    FEWEST_NOTES,
    HEARD,
    hear,
    passage,
    passages,
    without_end,
)
from models.training.pretraining.source import PerformanceSource

FloatArray = NDArray[np.float64]
ByDimension = Mapping[Dimension, FloatArray]

DRAWS = 6
"""Damaged versions of each passage."""

PASSAGES = 2
"""At most so many of a performance, so that long ones don't outweigh the others."""

ROOM = 1.5
"""How much longer a damaged passage may last, so that slow playing is not cut off."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Takes:
    """Measures of damaged passages, arrays (n,) by name, and their severities in JND."""

    measures: Mapping[str, FloatArray]
    severity_jnd: ByDimension

    def __len__(self) -> int:
        return len(self.severity_jnd[OVERALL])


def fit_take_grader(
    corpora: Mapping[Music, PerformanceSource],
    recipe: FactoredRecipe,
    *,
    seed: int = 0,
    log: Callable[[str], None] = lambda line: None,
) -> TakeGrader:
    """Return the grader fitted to the train and validation splits, judged on the test split.

    Raises UserError where there is not enough music.
    """
    drawing = recipe.model_copy(update={"draws": DRAWS, "seed": recipe.seed + seed})
    learnt = damaged_takes(corpora.values(), drawing, ("train", "validation"))
    log(f"{len(learnt):,} damaged passages to learn from")
    judged = damaged_takes(corpora.values(), drawing, ("test",))
    log(f"{len(judged):,} of other pieces to judge by")
    if min(len(learnt), len(judged)) < 10 * DRAWS:
        raise UserError(
            f"got {len(learnt)} damaged passages to learn from and {len(judged)} to judge by; "
            f"expected {10 * DRAWS} of each at least, of {FEWEST_NOTES} notes or more: add music"
        )
    models, base, weights = fit_dimensions(learnt, FALLING)
    grader = TakeGrader(
        recipe=recipe.name,
        recipe_digest=recipe.tier_digest("poor"),
        music=tuple(corpora),
        seed=seed,
        learnt=len(learnt),
        judged=len(judged),
        dimensions=models,
        overall_base=base,
        overall_weights=weights,
        score_curve=recipe.score_curve,
        skill={},
        made=provenance(),
    )
    return replace(grader, skill=judge(grader, judged))


def fit_dimensions(
    learnt: Takes, falling: Mapping[Dimension, Mapping[str, bool]]
) -> tuple[dict[Dimension, Additive], float, dict[Dimension, float]]:
    """Return each dimension's regression, and the overall severity's constant and weights.

    `falling` gives the measures that each dimension hears, as `FALLING` does. The overall severity
    is the nonnegative combination of theirs that is nearest to the recipe's.
    """
    models = {
        name: fit_additive(learnt.measures, _rising(falls), learnt.severity_jnd[name])
        for name, falls in falling.items()
    }
    predicted = np.stack([one.predict(learnt.measures) for one in models.values()], axis=1)
    middle, overall = predicted.mean(axis=0), learnt.severity_jnd[OVERALL]
    weights, _ = scipy.optimize.nnls(predicted - middle, overall - overall.mean())
    base = float(overall.mean() - middle @ weights)
    return models, base, dict(zip(models, weights.tolist(), strict=True))


def judge(grader: TakeGrader, takes: Takes) -> dict[Dimension, Skill]:
    """Return r and mean absolute error of the scores of takes, by dimension."""
    found = grader.scores(takes.measures)
    true = np.stack([grader.score_curve.score(takes.severity_jnd[name]) for name in found], axis=1)
    given = np.stack(list(found.values()), axis=1)
    r, error = pearson_r(true, given), mean_absolute_error(true, given)
    return {
        name: Skill(r=float(r[at]), error_points=float(error[at])) for at, name in enumerate(found)
    }


def damaged_takes(
    sources: Iterable[PerformanceSource],
    recipe: FactoredRecipe,
    splits: tuple[str, ...],
    names: Sequence[str] = HEARD,
) -> Takes:
    """Return measures of `names`, and severities, of passages that a recipe damages."""
    damaged: list[Performance] = []
    truth: list[list[float]] = []
    for source in sources:
        for split in splits:
            for performance_id, performance in source(split, None):
                for name, clean in _chosen(performance_id, performance, recipe.seed):
                    for draw in factored_draws(recipe, name, "train", clean):
                        after = damage_notes(clean, draw.note_operations, draw.stream)
                        damaged.append(without_end(after.performance))
                        truth.append(list(severities(draw).values()))
    columns = np.array(truth).reshape(-1, len(DIMENSIONS)).T
    return Takes(
        measures=hear(damaged, names), severity_jnd=dict(zip(DIMENSIONS, columns, strict=True))
    )


def _chosen(
    performance_id: str, performance: Performance, seed: int
) -> Iterator[tuple[str, Performance]]:
    """Yield name and notes of passages of a performance, with room for slower playing."""
    found = passages(performance.duration_s)
    rng = stream(seed, "passages", performance_id)
    for at in sorted(rng.permutation(len(found))[:PASSAGES]):
        clean = passage(performance, *found[at])
        if len(clean.notes) >= FEWEST_NOTES:
            yield f"{performance_id}-{at}", replace(clean, duration_s=ROOM * clean.duration_s)


def _rising(falls: Mapping[str, bool]) -> dict[str, bool]:
    """Return whether severity falls as a measure rises: it rises where the score falls."""
    return {name: not score_falls for name, score_falls in falls.items()}
