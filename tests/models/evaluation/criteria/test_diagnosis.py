import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import pytest

from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.evaluation.agreement.pairs import FusionPair
from models.evaluation.agreement.resampling import Interval
from models.evaluation.criteria.diagnosis import (
    Evidence,
    ceiling_reached,
    diagnose,
    does_without,
    may_be_chance,
    misaligned,
    nothing_to_add,
    observable_reached,
    one_sided,
    side_not_learnt,
    starved,
    still_learning,
    too_small_to_show,
)
from models.evaluation.criteria.verdict import Verdict
from tests.models.evaluation.conftest import record

FIGURES = FusionDiagnostics(
    audio_share=0.5, gate_mean=None, gate_spread=None, attention_share={}, attention_entropy={},
    retrieval_at_1=0.6, retrieval_clips=500, retrieval_chance=0.002, cka=0.5, shift_steps=1,
    shift_cka=0.5,
)  # fmt: skip
KEPT = dataclasses.replace(
    record("gated", 8), diagnostics=FIGURES, gradient_norms={"audio": 1.0, "midi": 0.8}
)
PAIR = FusionPair(
    fusion="gated", single="audio_only", fusion_r=0.72, single_r=0.7, difference=0.02,
    interval=Interval(0.01, 0.03), headroom=0.3, share_of_headroom=0.0667,
    share_interval=Interval(0.03, 0.1),
    both_singles_r=0.8,
    independent_r=0.85,
)  # fmt: skip
SEEN = Evidence(
    pair=PAIR, compositions=20, alone_r={"audio": 0.66, "midi": 0.6},
    single_r={"audio": 0.7, "midi": 0.65}, observable_r=0.95, kept=KEPT, last_epoch=12,
    step_ms=100.0,
)  # fmt: skip


def seen(
    figures: dict[str, Any] | None = None, norms: dict[str, float] | None = None, **pair: Any
) -> Evidence:
    return dataclasses.replace(
        SEEN,
        pair=dataclasses.replace(PAIR, **pair),
        kept=dataclasses.replace(
            KEPT,
            diagnostics=dataclasses.replace(FIGURES, **(figures or {})),
            gradient_norms=norms or KEPT.gradient_norms,
        ),
    )


def numbers(found: Verdict | None, code: str) -> Mapping[str, Any]:
    assert found is not None
    assert found.code == code
    return found.numbers


def test_at_the_ceiling_nothing_is_left() -> None:
    assert numbers(ceiling_reached(seen(headroom=0.0)), "ceiling_reached")["single"] == "audio_only"
    assert ceiling_reached(SEEN) is None


def test_at_the_observable_ceiling_what_is_left_may_not_be_there() -> None:
    found = observable_reached(seen(single_r=0.96))
    assert numbers(found, "observable_reached")["observable_r"] == 0.95
    assert observable_reached(SEEN) is None
    assert observable_reached(dataclasses.replace(seen(single_r=0.96), observable_r=None)) is None


def test_a_gain_below_the_noise_cannot_be_shown() -> None:
    found = too_small_to_show(seen(headroom=0.005, interval=Interval(-0.004, 0.004)))
    assert numbers(found, "too_small_to_show") == {
        "asked": pytest.approx(0.0005), "half_width": pytest.approx(0.004), "pieces": 20
    }  # fmt: skip
    assert too_small_to_show(SEEN) is None
    assert too_small_to_show(seen(interval=Interval(math.nan, math.nan))) is None


def test_a_gain_that_may_be_chance() -> None:
    large = {"difference": 0.1, "share_of_headroom": 0.33}
    found = may_be_chance(seen(interval=Interval(-0.01, 0.2), **large))
    assert numbers(found, "may_be_chance")["gain"] == 0.1
    assert may_be_chance(seen(interval=Interval(0.05, 0.2), **large)) is None
    assert may_be_chance(seen(interval=Interval(-0.01, 0.05))) is None, "too small anyway"


def test_what_both_singles_hold_differs_from_what_they_share() -> None:
    assert numbers(nothing_to_add(SEEN), "average_does_better")["both_r"] == 0.8
    alike = nothing_to_add(seen(both_singles_r=0.71, fusion_r=0.70))
    assert numbers(alike, "nothing_to_add")["both_r"] == 0.71
    assert nothing_to_add(seen(both_singles_r=math.nan)) is None
    assert nothing_to_add(seen(headroom=0.0)) is None
    assert nothing_to_add(seen(both_singles_r=0.71, fusion_r=0.715)) is None


def test_a_single_that_is_too_weak_is_no_proof_that_both_say_the_same() -> None:
    weak = dataclasses.replace(
        seen(single="midi_only", both_singles_r=0.708, independent_r=0.71, fusion_r=0.69),
        single_r={"audio": 0.2, "midi": 0.7},
    )
    found = numbers(nothing_to_add(weak), "too_weak_to_add")
    assert (found["weak"], found["weak_r"], found["independent_r"]) == ("audio_only", 0.2, 0.71)
    alone = seen(independent_r=math.nan, both_singles_r=math.nan)
    assert nothing_to_add(alone) is None, "one single alone"


def test_a_single_that_learnt_nothing_comes_before_what_it_could_add() -> None:
    weak = dataclasses.replace(
        seen(both_singles_r=0.701, independent_r=0.7001), single_r={"audio": 0.7, "midi": 0.01}
    )
    found = numbers(nothing_to_add(weak), "single_learnt_nothing")
    assert (found["models"], found["r"]) == (("midi_only",), (0.01,))


def test_a_fusion_that_one_side_is_enough_for() -> None:
    kept = dataclasses.replace(SEEN, alone_r={"audio": 0.715, "midi": 0.1})
    found = numbers(does_without(kept), "does_without")
    assert (found["kept"], found["unused"], found["alone_r"]) == ("audio", "MIDI", 0.715)
    assert does_without(SEEN) is None
    assert does_without(dataclasses.replace(kept, pair=seen(fusion_r=-0.1).pair)) is None


def test_a_side_that_was_not_learnt() -> None:
    weak = dataclasses.replace(SEEN, alone_r={"audio": 0.69, "midi": 0.3})
    found = numbers(side_not_learnt(weak), "side_not_learnt")
    assert (found["side"], found["alone_r"], found["single_r"]) == ("MIDI", 0.3, 0.65)
    assert side_not_learnt(SEEN) is None
    assert side_not_learnt(dataclasses.replace(weak, single_r={"audio": 0.7})) is None


@pytest.mark.parametrize(("share", "weak"), [(0.05, "audio"), (0.95, "MIDI"), (0.1, ""), (0.5, "")])
def test_a_side_of_no_weight(share: float, weak: str) -> None:
    found = one_sided(seen({"audio_share": share}))
    if weak:
        assert numbers(found, "one_sided") == {"side": weak, "share": pytest.approx(0.05)}
    else:
        assert found is None
    assert one_sided(seen({"audio_share": None})) is None


def test_a_side_whose_gradient_is_small() -> None:
    found = starved(seen(norms={"audio": 2.0, "midi": 0.1}))
    assert numbers(found, "starved") == {"side": "MIDI", "share": 0.05}
    assert starved(SEEN) is None
    assert starved(seen(norms={"audio": 1.0})) is None
    assert starved(seen(norms={"audio": 0.0, "midi": 0.0})) is None


def test_sides_that_do_not_meet() -> None:
    shifted = seen({"shift_steps": -4})
    assert numbers(misaligned(shifted), "shifted") == {"shift_ms": -400.0}
    assert misaligned(seen({"shift_steps": -4, "shift_cka": 0.01})) is None, "no shift to speak of"
    lost = misaligned(seen({"retrieval_at_1": 0.003}))
    assert numbers(lost, "not_aligned") == {"found": 0.003, "chance": 0.002}
    assert misaligned(SEEN) is None
    unknown = seen({"shift_steps": None, "retrieval_at_1": None, "retrieval_chance": None})
    assert misaligned(unknown) is None


def test_a_training_that_was_cut_short() -> None:
    assert still_learning(SEEN) is None
    cut = dataclasses.replace(SEEN, last_epoch=8)
    assert numbers(still_learning(cut), "still_learning")["epoch"] == 8


def test_the_decisive_comes_first_and_something_is_always_said() -> None:
    found = diagnose(dataclasses.replace(seen(headroom=0.0), last_epoch=8))
    assert [one.code for one in found] == ["ceiling_reached", "still_learning"]
    silent = seen(both_singles_r=math.nan, independent_r=math.nan)
    assert [one.code for one in diagnose(silent)] == ["unexplained"]
