"""How ways to grade whole takes carry over to people's ratings: `python -m benchmarks.graders`.

Each way learns from the same damaged passages of a root (the easy corpus), with several seeds of
the damage, and grades recordings that teachers rated. Prints a Markdown table; nothing is fitted to
the ratings. About ten minutes with three seeds; half an hour with `--maestro`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from degradation.factored import FactoredRecipe
from degradation.notes import Performance
from degradation.seeds import stream
from labeling.measures import PLAIN
from labeling.scores import OVERALL, Dimension
from models.evaluation.human.rating_agreement import correlate
from models.evaluation.human.teachers import three_numbers
from models.take_grader.fit import DRAWS, Takes, damaged_takes, fit_dimensions
from models.take_grader.takes import FALLING, hear, passage
from models.training.pretraining.source import PerformanceSource
from pipelines.settings import find_recipe
from storage.corpus import read_index
from storage.midi import read_midi
from storage.teachers import read_teachers

FloatArray = NDArray[np.float64]
Measures = Mapping[str, FloatArray]
Way = Callable[[Takes], Callable[[Measures], FloatArray]]
"""From damaged passages to a function from measures to the overall severity."""

REDRAWN = 2000
"""Draws of recordings, within pieces, for the interval of a difference."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rated:
    """Rated performances, their ratings, and the piece or passage of each."""

    performances: list[Performance]
    ratings: FloatArray
    pieces: list[str]

    @property
    def measures(self) -> Measures:
        """The measures of each, whole."""
        whole = [passage(one, 0.0, one.duration_s) for one in self.performances]
        return hear(whole, EVERY)


EVERY = tuple(PLAIN)
SIGNS = {name: falls for of in FALLING.values() for name, falls in of.items()}


def as_shipped(learnt: Takes) -> Callable[[Measures], FloatArray]:
    """Each dimension hears its own measures."""
    return _additive(learnt, FALLING)


def hear_everything(learnt: Takes) -> Callable[[Measures], FloatArray]:
    """Each dimension hears the measures of all."""
    return _additive(learnt, dict.fromkeys(FALLING, SIGNS))


def _additive(
    learnt: Takes, falling: Mapping[Dimension, Mapping[str, bool]]
) -> Callable[[Measures], FloatArray]:
    models, base, weights = fit_dimensions(learnt, falling)
    return lambda measures: (
        base
        + np.sum([weights[name] * one.predict(measures) for name, one in models.items()], axis=0)
    )


def regress(model: Callable[[], RegressorMixin], learnt: Takes) -> Callable[[Measures], FloatArray]:
    """The overall severity from all plain measures, of any sign."""
    fitted = model().fit(_table(learnt.measures), learnt.severity_jnd[OVERALL])
    return lambda measures: fitted.predict(_table(measures))


def _table(measures: Measures) -> FloatArray:
    return np.stack([measures[name] for name in EVERY], axis=1)


def ridge() -> RegressorMixin:
    """Return linear regression on standardised measures."""
    return make_pipeline(SimpleImputer(), StandardScaler(), RidgeCV(np.logspace(-1, 4, 12)))


def trees() -> RegressorMixin:
    """Return boosted trees as the baseline of human validation has them."""
    return HistGradientBoostingRegressor(max_iter=150, learning_rate=0.05, max_leaf_nodes=8)


WAYS: Mapping[str, Way] = {
    "each dimension by its own measures, monotone (shipped)": as_shipped,
    "each dimension by all of these, monotone": hear_everything,
    f"overall by all {len(EVERY)} plain measures, ridge": partial(regress, ridge),
    f"overall by all {len(EVERY)} plain measures, boosted trees": partial(regress, trees),
}


def _scored(
    severity_jnd: Callable[[Measures], FloatArray], recipe: FactoredRecipe
) -> Callable[[Measures], FloatArray]:
    """Return the score of a severity."""
    return lambda measures: recipe.score_curve.score(severity_jnd(measures))


def source(root: Path, limit: int | None = None) -> PerformanceSource:
    """Return the performances of a root, evenly spaced where there is a limit."""
    entries = read_index(root).entries
    step = max(len(entries) // limit, 1) if limit else 1

    def read(split: str, _: object) -> Iterator[tuple[str, Performance]]:
        for one in entries[::step]:
            if one.split == split:
                data = (root / one.midi_filename).read_bytes()
                yield one.midi_filename, read_midi(data, one.midi_filename)

    return read


def agreement(grades: FloatArray, rated: Rated) -> tuple[float, float]:
    """Return Spearman's rho with the ratings, over all and within pieces."""
    pooled, within = correlate(grades, rated.ratings, rated.pieces, stream(0, "graders"))
    return float(pooled.rho), float(within.rho)


def gain_interval(grades: FloatArray, other: FloatArray, rated: Rated) -> str:
    """Return 95 % intervals of the gain over other grades; recordings are redrawn within pieces."""
    rng, of = stream(0, "graders", "interval"), np.array(rated.pieces)
    rows = [np.flatnonzero(of == piece) for piece in sorted(set(rated.pieces))]
    gains = []
    for _ in range(REDRAWN):
        chosen = np.concatenate([rng.choice(row, len(row)) for row in rows])
        some = Rated(performances=[], ratings=rated.ratings[chosen], pieces=of[chosen].tolist())
        mine, its = agreement(grades[chosen], some), agreement(other[chosen], some)
        gains.append(np.subtract(mine, its))
    low, high = np.quantile(gains, [0.025, 0.975], axis=0)
    return "; ".join(f"[{a:+.2f}, {b:+.2f}]" for a, b in zip(low, high, strict=True))


def main(
    easy: Annotated[Path, typer.Argument(help="The easy corpus's root.")],
    teachers: Annotated[Path, typer.Option(help="Recordings rated by teachers.")],
    maestro: Annotated[Path | None, typer.Option(help="Learn from this root, too.")] = None,
    limit: Annotated[int, typer.Option(help="Performances of that root.")] = 150,
    seeds: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Print how ways to grade agree with teachers, by seed."""
    recipe = find_recipe("lifelike")
    assert isinstance(recipe, FactoredRecipe)
    recordings = read_teachers(teachers).recordings
    rated = Rated(
        performances=[one.performance for one in recordings],
        ratings=np.array([np.nanmean(one.ratings) for one in recordings]),
        pieces=[one.piece for one in recordings],
    )
    plain, heard = three_numbers(recordings), rated.measures
    roots = {"the easy corpus": [source(easy)]}
    if maestro is not None:
        roots[f"and {limit} of {maestro.name}"] = [source(easy), source(maestro, limit)]
    typer.echo("| learns from | way | r on its own test pieces | teachers: all; within piece |")
    typer.echo("| --- | --- | ---: | ---: |")
    typer.echo(f"| nothing | three plain numbers | | {_pair(agreement(plain, rated))} |")
    for music, sources in roots.items():
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in WAYS}
        shipped = []
        for seed in range(seeds):
            drawing = recipe.model_copy(update={"draws": DRAWS, "seed": recipe.seed + seed})
            learnt = damaged_takes(sources, drawing, ("train", "validation"), EVERY)
            judged = damaged_takes(sources, drawing, ("test",), EVERY)
            for name, way in WAYS.items():
                grade = _scored(way(learnt), recipe)
                truth = recipe.score_curve.score(judged.severity_jnd[OVERALL])
                r = float(np.corrcoef(grade(judged.measures), truth)[0, 1])
                found[name].append((r, *agreement(grade(heard), rated)))
            shipped.append(_scored(as_shipped(learnt), recipe)(heard))
        for name, rows in found.items():
            own = ", ".join(f"{row[0]:.2f}" for row in rows)
            typer.echo(f"| {music} | {name} | {own} | {', '.join(_pair(r[1:]) for r in rows)} |")
        typer.echo(
            f"\n{music}: gain of the shipped way, mean of {seeds} seeds, over three plain numbers, "
            f"95 %: {gain_interval(np.mean(shipped, axis=0), plain, rated)}\n"
        )


def _pair(values: tuple[float, ...]) -> str:
    return " / ".join(f"{value:.2f}" for value in values)


if __name__ == "__main__":
    typer.run(main)
