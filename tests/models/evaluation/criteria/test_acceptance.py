import dataclasses
import math
from collections.abc import Callable

import pytest

from models.config.experiment import Experiment
from models.evaluation.agreement.model_comparison import MeanPair
from models.evaluation.agreement.resampling import AgreementIntervals, Gain, Interval
from models.evaluation.counterfactuals.counterfactual import Response
from models.evaluation.counterfactuals.dose_response import dose_response
from models.evaluation.counterfactuals.factor_effects import factor_effects
from models.evaluation.counterfactuals.families import Families
from models.evaluation.counterfactuals.recording_invariance import recording_invariance
from models.evaluation.criteria.acceptance import (
    both_used_gate,
    fusion_gate,
    learnt_gate,
    nuisance_gate,
    order_gate,
    own_dimension_gate,
)
from models.evaluation.criteria.diagnosis import Evidence
from models.evaluation.report.fusion_figures import FusionFigures
from models.metrics import Agreement

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
    return AgreementIntervals(mean_r=Interval(low, 0.9), mean_mae=Interval(1, 2), clusters=3)


def test_whoever_is_no_better_than_the_mean_in_one_dimension_has_not_learnt_it() -> None:
    baseline = agreed(5.0)
    good, bad = (agreed(4.0), around(0.1)), (agreed(4.0, 5.0), around(0.1))
    passed = learnt_gate({"gated": good}, baseline)
    assert passed.passed
    assert passed.because == ()
    failed = learnt_gate({"gated": good, "midi_only": bad}, baseline)
    assert failed.passed is False
    assert failed.found == "1 of 2 models"
    assert "midi_only is no better in rhythmic stability, pedal" in failed.because[0]
    lost = learnt_gate({"concat": (agreed(6.0), around(0.1))}, baseline)
    assert lost.because == ("concat is no better in any dimension.",)


def test_a_dimension_whose_label_never_changes_is_not_judged_and_named() -> None:
    flat = (0.5,) * 3 + (math.nan,) + (0.5,) * 4
    perfect_there = (5.0,) * 3 + (0.0,) + (5.0,) * 4
    baseline = dataclasses.replace(agreed(5.0), r=flat, mae=perfect_there)
    gate = learnt_gate({"gated": (agreed(4.0), around(0.1))}, baseline)
    assert gate.passed
    assert gate.found == (
        "1 of 1 models; not judged, as its label never changes here: pedal technique"
    )
    lost = learnt_gate({"gated": (agreed(6.0), around(0.1))}, baseline)
    assert lost.because == ("gated is no better in any dimension.",)
    nothing = dataclasses.replace(baseline, r=(math.nan,) * 8)
    assert learnt_gate({"gated": (agreed(4.0), around(0.1))}, nothing).passed is None


def test_grades_that_are_too_low_throughout_are_told_where_they_cost_the_gate() -> None:
    low = agreed(6.0, bias=-4.0)
    assert (
        "concat grades 4.0 points too low"
        in learnt_gate({"concat": (low, around(0.1))}, agreed(5.0)).because[-1]
    )
    assert learnt_gate({"concat": (low, around(0.1))}, agreed(7.0)).because == ()


def test_an_interval_that_holds_0_has_not_learnt_and_none_at_all_is_not_held_against() -> None:
    assert learnt_gate({"gated": (agreed(4.0), around(-0.1))}, agreed(5.0)).passed is False
    assert learnt_gate({"gated": (agreed(4.0), around(math.nan))}, agreed(5.0)).passed


def evidence(share: float, low: float, high: float) -> Evidence:
    headroom, difference = 0.2, 0.2 * share
    figures = FusionFigures(
        audio_share=0.5, gate=None, attention_share={}, attention_entropy={}, gradient_norms={},
        retrieval_at_1=None, retrieval_clips=0, retrieval_chance=None, cka=None, shift_steps=None,
        shift_ms=None, shift_cka=None,
    )  # fmt: skip
    return Evidence(
        pair=MeanPair(
            fusion="gated", single="audio_only", fusion_r=0.8 + difference, single_r=0.8,
            difference=difference, interval=Interval(low, high), headroom=headroom,
            share_of_headroom=share, share_interval=Interval(low / 0.2, high / 0.2),
            both_singles_r=0.85,
            independent_r=0.87,
        ),
        compositions=12, alone_r={}, single_r={}, observable_r=None, figures=figures,
        kept_epoch=1, last_epoch=3,
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
    gate = fusion_gate(evidence(share, low, high))
    assert gate.passed is passed
    assert bool(gate.because) == (passed is False), "a failure is explained, and nothing else"


def test_a_few_compositions_cannot_pass_but_can_fail() -> None:
    few = dataclasses.replace(evidence(0.25, 0.01, 0.09), compositions=5)
    assert fusion_gate(few).passed is None
    assert "too few" in fusion_gate(few).found
    assert fusion_gate(dataclasses.replace(few, compositions=6)).passed
    worse = dataclasses.replace(evidence(-0.5, -0.15, -0.05), compositions=5)
    assert fusion_gate(worse).passed is False


def test_without_a_pair_fusing_is_not_judged() -> None:
    assert fusion_gate(None).passed is None


def test_a_fusion_that_loses_nothing_without_a_side_does_not_use_both() -> None:
    lost = Gain(mean_r=0.2, interval=Interval(0.1, 0.3))
    kept = Gain(mean_r=0.001, interval=Interval(-0.01, 0.01))
    assert both_used_gate("gated", {"audio": lost, "midi": lost}, 12).passed
    failed = both_used_gate("gated", {"audio": kept, "midi": lost}, 12)
    assert failed.passed is False
    assert failed.because == ("Without MIDI, mean r changes by −0.001 (−0.010 to +0.010).",)
    one_piece = Gain(mean_r=0.2, interval=Interval(math.nan, math.nan))
    assert both_used_gate("gated", {"audio": one_piece}, 1).passed is None
    assert both_used_gate(None, {}, 12).passed is None


def test_why_there_is_no_interval_is_said_as_it_is() -> None:
    unsure = evidence(0.25, math.nan, math.nan)
    assert "vary in too few of the 12 compositions" in fusion_gate(unsure).found
    alone = dataclasses.replace(unsure, compositions=1)
    assert fusion_gate(alone).found.endswith("; one composition has no interval")
    gain = Gain(mean_r=0.2, interval=Interval(math.nan, math.nan))
    assert both_used_gate("gated", {"audio": gain}, 3).found == (
        "labels vary in too few of the 3 compositions for an interval"
    )


def test_grades_that_follow_every_factor(respond: Respond) -> None:
    assert order_gate("gated", {"gated": respond("knows all")}).passed
    turned = order_gate("gated", {"gated": respond("turned round")})
    assert turned.passed is False
    assert len(turned.because) == 7


def test_whether_anyone_can_tell_is_said_of_a_factor_that_is_not_followed(respond: Respond) -> None:
    reads, knows, deaf = (respond(one) for one in ("reads notes", "knows all", "says the same"))
    responses: dict[Experiment, Response] = {"midi_only": reads, "gated": knows}
    gate = order_gate("midi_only", responses)
    assert [reason.split(":")[0] for reason in gate.because] == ["pedal technique", "tone quality"]
    assert all("gated has 100 %: it can be told" in reason for reason in gate.because)
    alone = order_gate("midi_only", {"midi_only": reads, "concat": deaf})
    assert all("no model reaches 90 %" in reason for reason in alone.because)


def test_without_doses_2_jnd_apart_their_order_is_not_judged(respond: Respond) -> None:
    known = respond("knows all")
    unknown = dataclasses.replace(known.doses, ordered=((math.nan,) * 8,) * 7)
    gate = order_gate("gated", {"gated": dataclasses.replace(known, doses=unknown)})
    assert gate.passed is None
    assert "no two doses" in gate.found


def test_each_factor_its_own_dimension(respond: Respond) -> None:
    assert own_dimension_gate("gated", respond("knows all"), 4).passed
    hears = own_dimension_gate("audio_only", respond("hears trouble"), 4)
    assert hears.passed is False
    assert own_dimension_gate("concat", respond("turned round"), 4).because[0] == (
        "note accuracy lowers no single dimension most."
    )


def test_grades_that_follow_the_recording(respond: Respond) -> None:
    responses: dict[Experiment, Response] = {
        "audio_only": respond("hears trouble"), "midi_only": respond("knows all")
    }  # fmt: skip
    assert nuisance_gate("midi_only", responses, 4).passed
    failed = nuisance_gate("audio_only", responses, 4)
    assert failed.passed is False
    assert "midi_only 0 %" in failed.because[0]
    bare = {"gated": dataclasses.replace(responses["midi_only"], recording_invariance=None)}
    assert nuisance_gate("gated", bare, 4).passed is None  # type: ignore[arg-type]


def test_where_damage_changes_nothing_invariance_is_no_merit(respond: Respond) -> None:
    gate = nuisance_gate("concat", {"concat": respond("says the same")}, 4)
    assert gate.passed is None
    assert "nothing to compare with" in gate.found
