"""What the counterfactual set says of each model, beside what its labels say."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment
from models.evaluation.dose_response import DoseResponse, dose_response
from models.evaluation.families import REFERENCE_JND, Families, arrange
from models.evaluation.leaning import Leaning, leaning
from models.evaluation.movement import Movement, movement
from models.evaluation.nuisance import Invariance, invariance
from models.predict import FUSION_FIGURES

GIVEN = ["sample_id", "family", "composition", "varied", "varied_severity_jnd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """How scores, of a model or of the labels, respond to what was changed.

    `leaning` are the figures of a fusion model, by name, else empty.
    """

    doses: DoseResponse
    movement: Movement
    invariance: Invariance | None
    leaning: Mapping[str, Leaning]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """Responses of the labels and of the models, on families of held-out compositions."""

    families: int
    compositions: int
    doses_jnd: tuple[float, ...]
    reference_jnd: float
    labels: Response
    models: Mapping[Experiment, Response]


def counterfactual(
    samples: pd.DataFrame, predictions: Mapping[Experiment, pd.DataFrame], *, seed: int
) -> Counterfactual | None:
    """Return what `predictions` of counterfactual `samples` say; None without samples.

    `samples` has the columns `GIVEN` and the eight labels. Raises UserError unless each sample
    has exactly one prediction of each model.
    """
    if samples.empty:
        return None
    known = arrange(samples, DIMENSIONS)
    return Counterfactual(
        families=len(known.names),
        compositions=len(set(known.compositions)),
        doses_jnd=known.doses_jnd,
        reference_jnd=REFERENCE_JND,
        labels=_response(known, {}, seed),
        models={
            name: _model_response(samples[GIVEN], table, name, seed)
            for name, table in predictions.items()
        },
    )


def _response(families: Families, figures: Mapping[str, Leaning], seed: int) -> Response:
    return Response(
        doses=dose_response(families, seed=seed),
        movement=movement(families, seed=seed),
        invariance=invariance(families),
        leaning=figures,
    )


def _model_response(given: pd.DataFrame, table: pd.DataFrame, name: str, seed: int) -> Response:
    if sorted(table["sample_id"]) != sorted(given["sample_id"]):
        raise UserError(
            f"{name} has predictions for {len(table)} counterfactual samples, expected one for "
            f"each of the {len(given)} there are: predict again from the present features"
        )
    rows = given.merge(table, on="sample_id", validate="one_to_one")
    figures = [figure for figure in FUSION_FIGURES if figure in table]
    of_fusion = arrange(rows, figures) if figures else None
    return _response(
        arrange(rows, DIMENSIONS),
        {figure: leaning(of_fusion, place, seed=seed) for place, figure in enumerate(figures)}
        if of_fusion
        else {},
        seed,
    )
