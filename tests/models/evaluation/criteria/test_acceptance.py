import dataclasses
import math
from collections.abc import Callable

import pytest

from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment
from models.evaluation.agreement.pairs import FusionPair
from models.evaluation.agreement.resampling import AgreementIntervals, Gain, Interval
from models.evaluation.counterfactuals.counterfactual import Response
from models.evaluation.counterfactuals.dose_response import dose_response
from models.evaluation.counterfactuals.factor_effects import factor_effects
from models.evaluation.counterfactuals.families import Families
from models.evaluation.counterfactuals.recording_invariance import recording_invariance
from models.evaluation.criteria.acceptance import (
    both_used,
    evidence,
    fusion_pays,
    in_order,
    judge_criteria,
    learnt,
    mean_observable_r,
    own_dimension,
    recording_ignored,
)
from models.evaluation.criteria.diagnosis import Evidence
from models.evaluation.report.build import build_report
from models.evaluation.report.document import Report
from models.evaluation.report.evaluation import Evaluation
from models.metrics import Agreement
from tests.models.evaluation.conftest import record

Respond = Callable[[str], Response]


@pytest.fixture(scope="module")
def respond(graded: Callable[[str], Families]) -> Respond:
    def by(model: str) -> Response:
        families = graded(model)
        return Response(
            doses=dose_response(families, seed=0),
            factor_effects=factor_effects(families, seed=0),
            recording_invariance=recording_invariance(families),
            modality_reliance={},
        )

    return by


def agreed(*mae: float, bias: float = 0.0) -> Agreement:
    return Agreement(
        r=(0.5,) * 8, mae=mae * (8 // len(mae)), mean_r=0.5, mean_mae=sum(mae), mean_bias=bias
    )


def around(low: float) -> AgreementIntervals:
    return AgreementIntervals(mean_r=Interval(low, 0.9), mean_mae=Interval(1, 2))


def test_whoever_is_no_better_than_the_mean_in_one_dimension_has_not_learnt_it() -> None:
    baseline = agreed(5.0)
    good, bad = (agreed(4.0), around(0.1)), (agreed(4.0, 5.0), around(0.1))
    passed = learnt({"gated": good}, baseline, 12)
    assert passed.passed
    assert passed.because == ()
    failed = learnt({"gated": good, "midi_only": bad}, baseline, 12)
    assert failed.passed is False
    assert failed.found.numbers == {"good": 1, "all": 2, "constant": ()}
    (reason,) = failed.because
    assert (reason.code, reason.numbers["model"]) == ("no_better_in", "midi_only")
    assert reason.numbers["dimensions"] == DIMENSIONS[1::2]


def test_a_dimension_whose_label_never_changes_is_not_judged_and_named() -> None:
    flat = (0.5,) * 3 + (math.nan,) + (0.5,) * 4
    perfect_there = (5.0,) * 3 + (0.0,) + (5.0,) * 4
    baseline = dataclasses.replace(agreed(5.0), r=flat, mae=perfect_there)
    criterion = learnt({"gated": (agreed(4.0), around(0.1))}, baseline, 12)
    assert criterion.passed
    assert criterion.found.numbers["constant"] == ("pedal_technique",)
    nothing = dataclasses.replace(baseline, r=(math.nan,) * 8)
    undecided = learnt({"gated": (agreed(4.0), around(0.1))}, nothing, 12)
    assert (undecided.passed, undecided.found.code) == (None, "no_label_varies")


def test_grades_that_are_too_low_throughout_explain_a_failure() -> None:
    low = {"concat": (agreed(6.0, bias=-4.0), around(0.1))}
    reason = learnt(low, agreed(5.0), 12).because[-1]  # type: ignore[arg-type]
    assert (reason.code, reason.numbers["bias"]) == ("biased", -4.0)
    assert learnt(low, agreed(7.0), 12).because == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "pieces", "passed"), [(-0.1, 12, False), (math.nan, 12, True), (-0.1, 4, True)]
)
def test_an_interval_that_holds_0_has_not_learnt_and_none_to_trust_is_not_held_against(
    low: float, pieces: int, passed: bool
) -> None:
    criterion = learnt({"gated": (agreed(4.0), around(low))}, agreed(5.0), pieces)
    assert criterion.passed is passed
    assert [one.code for one in criterion.because] == [] if passed else ["r_not_above_0"]


def seen(share: float, low: float, high: float) -> Evidence:
    headroom, difference = 0.2, 0.2 * share
    return Evidence(
        pair=FusionPair(
            fusion="gated", single="audio_only", fusion_r=0.8 + difference, single_r=0.8,
            difference=difference, interval=Interval(low, high), headroom=headroom,
            share_of_headroom=share, share_interval=Interval(low / headroom, high / headroom),
            both_singles_r=0.85,
            independent_r=0.87,
        ),
        compositions=12, alone_r={}, single_r={}, observable_r=None,
        kept=record("gated", 1), last_epoch=3, step_ms=100.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("share", "low", "high", "passed"),
    [
        (0.25, 0.01, 0.09, True),
        (0.25, -0.01, 0.11, False),
        (0.05, 0.005, 0.015, False),
        (-0.5, -0.15, -0.05, False),
        (0.25, math.nan, math.nan, None),
    ],
)
def test_a_fusion_pays_by_ten_per_cent_of_the_headroom_beyond_chance(
    share: float, low: float, high: float, passed: bool | None
) -> None:
    criterion = fusion_pays(seen(share, low, high))
    assert criterion.passed is passed
    assert bool(criterion.because) == (passed is False), "a failure is explained, nothing else"


def test_a_few_compositions_cannot_pass_but_can_fail() -> None:
    few = dataclasses.replace(seen(0.25, 0.01, 0.09), compositions=5)
    assert fusion_pays(few).passed is None
    assert fusion_pays(dataclasses.replace(few, compositions=6)).passed
    worse = dataclasses.replace(seen(-0.5, -0.15, -0.05), compositions=5)
    assert fusion_pays(worse).passed is False


def test_without_a_pair_fusing_is_undecided() -> None:
    assert fusion_pays(None).passed is None


def test_a_fusion_that_loses_nothing_without_a_side_does_not_use_both() -> None:
    lost = Gain(mean_r=0.2, interval=Interval(0.1, 0.3))
    kept = Gain(mean_r=0.001, interval=Interval(-0.01, 0.01))
    assert both_used("gated", {"audio": lost, "midi": lost}, 12).passed
    failed = both_used("gated", {"audio": kept, "midi": lost}, 12)
    assert failed.passed is False
    assert [one.numbers for one in failed.because] == [{"side": "MIDI", "change": -0.001}]
    assert failed.found.numbers["changes"] == (-0.001, -0.2)
    assert both_used("gated", {"audio": lost, "midi": lost}, 4).passed is None
    undefined = Gain(mean_r=0.2, interval=Interval(math.nan, math.nan))
    assert both_used("gated", {"audio": undefined}, 12).passed is None
    assert both_used(None, {}, 12).passed is None


def test_grades_that_follow_every_factor(respond: Respond) -> None:
    assert in_order("gated", {"gated": respond("knows all")}).passed
    turned = in_order("gated", {"gated": respond("turned round")})
    assert turned.passed is False
    assert len(turned.because) == 7


def test_the_best_model_is_named_for_a_factor_that_is_not_followed(respond: Respond) -> None:
    responses: dict[Experiment, Response] = {
        "midi_only": respond("reads notes"), "gated": respond("knows all")
    }  # fmt: skip
    criterion = in_order("midi_only", responses)
    found = [(one.numbers["factor"], one.numbers["best"]) for one in criterion.because]
    assert found == [("pedal_technique", "gated"), ("tone_quality", "gated")]
    assert all(one.numbers["best_share"] == 1 for one in criterion.because)
    assert criterion.found.numbers["good"] == 5


def test_without_doses_2_jnd_apart_their_order_is_undecided(respond: Respond) -> None:
    known = respond("knows all")
    unknown = dataclasses.replace(known.doses, ordered=((math.nan,) * 8,) * 7)
    criterion = in_order("gated", {"gated": dataclasses.replace(known, doses=unknown)})
    assert (criterion.passed, criterion.found.code) == (None, "no_doses_apart")


def test_each_factor_its_own_dimension(respond: Respond) -> None:
    assert own_dimension("gated", respond("knows all"), 4).passed
    assert own_dimension("audio_only", respond("hears trouble"), 4).passed is False
    turned = own_dimension("concat", respond("turned round"), 4)
    assert turned.because[0].numbers == {"factor": "note_accuracy", "dimension": ""}
    assert turned.asks.numbers == {"jnd": 4}


def test_grades_that_follow_the_recording(respond: Respond) -> None:
    responses: dict[Experiment, Response] = {
        "audio_only": respond("hears trouble"), "midi_only": respond("knows all")
    }  # fmt: skip
    assert recording_ignored("midi_only", responses, 4).passed
    assert recording_ignored("audio_only", responses, 4).passed is False
    bare = {"gated": dataclasses.replace(responses["midi_only"], recording_invariance=None)}
    assert recording_ignored("gated", bare, 4).passed is None  # type: ignore[arg-type]


def test_where_damage_changes_nothing_invariance_is_no_merit(respond: Respond) -> None:
    criterion = recording_ignored("concat", {"concat": respond("says the same")}, 4)
    assert criterion.passed is None
    assert math.isnan(criterion.found.numbers["share"])  # type: ignore[arg-type]


def test_a_recipe_without_counterfactuals_has_the_first_criteria_alone(report: Report) -> None:
    assert [(one.asks.code, one.passed) for one in report.criteria] == [
        ("every_model_learnt", True), ("fusing_pays", False), ("both_used", None),
    ]  # fmt: skip
    assert report.criteria[1].because[0].code == "ceiling_reached"


def test_a_factored_recipe_is_judged_by_its_best_model_and_its_audits(
    factored_report: Report,
) -> None:
    found = {one.asks.code: one for one in factored_report.criteria}
    assert len(found) == 9, "three of the audits"
    assert found["fusing_pays"].passed is None, "on three compositions"
    assert found["grades_in_order"].found.numbers["model"] == "gated"
    for code in ("grades_in_order", "own_dimension_falls_most", "recording_ignored"):
        assert found[code].passed
    audits = ("labels_differ", "no_two_labels_alike", "tier_not_given_away")
    assert [found[code].passed for code in audits] == [True, None, False]
    assert found["tier_not_given_away"].found.numbers["value"] == pytest.approx(0.31)
    without = dataclasses.replace(factored_report, label_structure=None, shortcut_audit=None)
    assert len(judge_criteria(without)) == 6


def test_without_fusions_nothing_is_asked_of_them(factored: Evaluation) -> None:
    singles = build_report(dataclasses.replace(factored, outcomes=factored.outcomes[:2]))
    found = {one.asks.code: one.passed for one in singles.criteria}
    assert evidence(singles) is None
    assert found["fusing_pays"] is None
    assert "both_used" not in found
    assert found["grades_in_order"] is False, "midi_only reads no pedal"


def test_the_evidence_is_that_of_the_best_fusion(factored_report: Report) -> None:
    found = evidence(factored_report)
    assert found is not None
    assert found.pair.fusion == "gated"
    assert found.single_r["audio"] == factored_report.model("audio_only").agreement.mean_r
    assert found.alone_r["midi"] == factored_report.model("gated").alone["midi"].agreement.mean_r
    assert (found.kept.epoch, found.last_epoch) == (5, 6)


def test_the_observable_ceiling_on_the_mean(factored: Evaluation) -> None:
    labels = factored.label_structure
    assert labels is not None
    assert mean_observable_r(labels) == pytest.approx(0.935)
    assert mean_observable_r(None) is None
    assert mean_observable_r(dataclasses.replace(labels, observable=())) is None
    first = dataclasses.replace(labels.observable[0], r=math.nan)
    holed = dataclasses.replace(labels, observable=(first, *labels.observable[1:]))
    assert mean_observable_r(holed) == pytest.approx(0.94), "a constant label is left out"
