import dataclasses

import pytest

from models.evaluation.agreement.resampling import Interval
from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.findings import findings
from models.evaluation.report.summary import Summary, summarise


@pytest.fixture(scope="module")
def summary(factored: Evaluation) -> Summary:
    return summarise(factored)


def test_what_is_best_what_fusing_brings_and_what_follows_a_factor(summary: Summary) -> None:
    best, sides, fusion, doses, nuisance = findings(summary)
    assert best.startswith("gated, the best model on the validation split, reaches mean r = 0.9")
    assert "notes alone" in sides
    assert "which may be chance" in fusion, "on three compositions"
    more = {**summary.compositions, "test": 6}
    assert (
        "a gain beyond the choice of test pieces"
        in findings(dataclasses.replace(summary, compositions=more))[2]
    )
    assert "against midi_only" in fusion
    assert "7 of 7 factors lower their own dimension most" in doses
    assert "another piano" in nuisance


def test_a_tiered_recipe_has_no_word_on_factors(evaluation: Evaluation) -> None:
    said = findings(summarise(evaluation))
    assert len(said) == 3
    assert "JND" not in " ".join(said)
    assert "leaves nothing below the ceiling" in said[2]


def test_a_difference_that_may_be_chance_is_called_so(summary: Summary) -> None:
    assert summary.pairs is not None
    mean = dataclasses.replace(summary.pairs.mean, interval=Interval(-0.1, 0.7))
    unsure = dataclasses.replace(summary, pairs=dataclasses.replace(summary.pairs, mean=mean))
    assert "which may be chance" in findings(unsure)[2]
    assert "of what midi_only leaves" in findings(unsure)[2]
    lost = dataclasses.replace(summary.pairs.mean, difference=-0.1, interval=Interval(-0.2, -0.1))
    worse = dataclasses.replace(summary, pairs=dataclasses.replace(summary.pairs, mean=lost))
    many = dataclasses.replace(worse, compositions={**summary.compositions, "test": 9})
    assert (
        "a loss beyond the choice of test pieces (each model was trained once)."
        in findings(many)[2]
    ), "and no share of a headroom"


def test_a_model_of_one_modality_is_compared_with_none(evaluation: Evaluation) -> None:
    one = dataclasses.replace(evaluation, outcomes=evaluation.outcomes[:1])
    (said,) = findings(summarise(one))
    assert said.startswith("audio_only")
