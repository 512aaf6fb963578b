import pandas as pd
import pytest

from degradation.errors import UserError
from models.evaluation.counterfactual import counterfactual
from models.evaluation.evaluation import Evaluation


def predictions(factored: Evaluation) -> dict[str, pd.DataFrame]:
    return {one.training.experiment: one.counterfactual for one in factored.outcomes}  # type: ignore[misc]


def test_the_labels_respond_as_they_were_made(factored: Evaluation, families: pd.DataFrame) -> None:
    found = counterfactual(families, predictions(factored), seed=0)  # type: ignore[arg-type]
    assert found is not None
    assert (found.families, found.compositions) == (12, 4)
    assert found.labels.invariance is not None
    assert found.labels.invariance.change == (0,) * 8
    assert set(found.models) == set(predictions(factored))


def test_fusions_lean_and_others_have_nothing_to_lean(
    factored: Evaluation, families: pd.DataFrame
) -> None:
    found = counterfactual(families, predictions(factored), seed=0)  # type: ignore[arg-type]
    assert found is not None
    figures = {name: set(model.leaning) for name, model in found.models.items()}
    assert figures == {
        "audio_only": set(), "midi_only": set(), "crossattn": {"audio_share"},
        "concat": {"audio_share"}, "gated": {"audio_share", "gate"},
    }  # fmt: skip
    gate = found.models["gated"].leaning["gate"]
    assert gate.base == pytest.approx(0.55, abs=0.01)
    assert gate.change[4] == pytest.approx(0.08, abs=0.02), "tone quality"


def test_without_rows_there_is_nothing_to_say(families: pd.DataFrame) -> None:
    assert counterfactual(families.iloc[:0], {}, seed=0) is None


def test_predictions_of_other_rows_are_refused(
    factored: Evaluation, families: pd.DataFrame
) -> None:
    short = {"gated": predictions(factored)["gated"].iloc[1:]}
    with pytest.raises(UserError, match=r"gated has predictions for \d+ counterfactual samples"):
        counterfactual(families, short, seed=0)  # type: ignore[arg-type]
