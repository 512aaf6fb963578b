"""How each model's scores respond to single changes of the same music, beside the labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import FUSION_FIGURES, Experiment
from models.document import Number
from models.evaluation.counterfactuals.dose_response import DoseResponse, dose_response
from models.evaluation.counterfactuals.factor_effects import FactorEffects, factor_effects
from models.evaluation.counterfactuals.families import FACTORS, Families, arrange, had_effect
from models.evaluation.counterfactuals.modality_reliance import ModalityReliance, modality_reliance
from models.evaluation.counterfactuals.recording_invariance import (
    RecordingInvariance,
    recording_invariance,
)

GIVEN = ["sample_id", "family", "composition", "varied", "varied_severity_jnd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """How scores, of a model or of the labels, respond to what was changed.

    `modality_reliance` are the figures of a fusion model, by name, else empty.
    """

    doses: DoseResponse
    factor_effects: FactorEffects
    recording_invariance: RecordingInvariance | None
    modality_reliance: Mapping[str, ModalityReliance]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """Responses of the labels and of the models, on families of held-out compositions.

    `without_effect` is by factor the share of rows in which it had no effect (see `had_effect`):
    they are left out. `reference_jnd` is the dose at which factors are compared.
    """

    families: int
    compositions: int
    without_effect: Mapping[str, Number]
    doses_jnd: tuple[float, ...]
    reference_jnd: float
    labels: Response
    models: Mapping[Experiment, Response]


def counterfactual(
    samples: pd.DataFrame, predictions: Mapping[Experiment, pd.DataFrame], *, seed: int
) -> Counterfactual | None:
    """Return the responses in `predictions` of counterfactual `samples`; None without samples.

    `samples` has the columns `GIVEN` and the eight labels. Raises UserError unless each sample
    has exactly one prediction of each model.
    """
    if samples.empty:
        return None
    effect = had_effect(samples)
    known = arrange(samples[effect], DIMENSIONS)
    return Counterfactual(
        families=len(known.names),
        compositions=len(set(known.compositions)),
        without_effect={one: float((~effect[samples["varied"] == one]).mean()) for one in FACTORS},
        doses_jnd=known.doses_jnd,
        reference_jnd=known.reference_jnd,
        labels=_response(known, {}, seed),
        models={
            name: _model_response(_rows(samples, table, name)[effect.to_numpy()], seed)
            for name, table in predictions.items()
        },
    )


def _response(families: Families, figures: Mapping[str, ModalityReliance], seed: int) -> Response:
    return Response(
        doses=dose_response(families, seed=seed),
        factor_effects=factor_effects(families, seed=seed),
        recording_invariance=recording_invariance(families),
        modality_reliance=figures,
    )


def _rows(samples: pd.DataFrame, table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the columns `GIVEN` of each sample with its prediction, in the samples' order."""
    if sorted(table["sample_id"]) != sorted(samples["sample_id"]):
        raise UserError(
            f"{name} has predictions for {len(table)} counterfactual samples, expected one for "
            f"each of the {len(samples)} there are: predict again from the present features"
        )
    return samples[GIVEN].merge(table, on="sample_id", validate="one_to_one")


def _model_response(rows: pd.DataFrame, seed: int) -> Response:
    figures = {
        figure: modality_reliance(arrange(rows, [figure]), seed=seed)
        for figure in FUSION_FIGURES
        if figure in rows
    }
    return _response(arrange(rows, DIMENSIONS), figures, seed)
