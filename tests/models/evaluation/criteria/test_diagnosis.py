import dataclasses
import math
from typing import Any

import pytest

from models.evaluation.agreement.model_comparison import MeanPair
from models.evaluation.agreement.resampling import Interval
from models.evaluation.criteria.diagnosis import (
    Evidence,
    ceiling_reached,
    deaf,
    does_without,
    explain_no_gain,
    misaligned,
    nothing_to_add,
    observable_reached,
    one_sided,
    side_not_learnt,
    starved,
    still_learning,
    too_small_to_show,
    too_weak_to_add,
    unsure,
)
from models.evaluation.report.fusion_figures import FusionFigures

FIGURES = FusionFigures(
    audio_share=0.5, gate=None, attention_share={}, attention_entropy={},
    gradient_norms={"audio": 1.0, "midi": 0.8}, retrieval_at_1=0.6, retrieval_clips=500,
    retrieval_chance=0.002, cka=0.5, shift_steps=1, shift_ms=100.0, shift_cka=0.5,
)  # fmt: skip
PAIR = MeanPair(
    fusion="gated", single="audio_only", fusion_r=0.72, single_r=0.7, difference=0.02,
    interval=Interval(0.01, 0.03), headroom=0.3, share_of_headroom=0.0667,
    share_interval=Interval(0.03, 0.1), both_singles_r=0.8,
    independent_r=0.85,
)  # fmt: skip
SEEN = Evidence(
    pair=PAIR, compositions=20, alone_r={"audio": 0.66, "midi": 0.6},
    single_r={"audio": 0.7, "midi": 0.65}, observable_r=0.95, figures=FIGURES, kept_epoch=8,
    last_epoch=12,
)  # fmt: skip


def seen(figures: dict[str, Any] | None = None, **pair: Any) -> Evidence:
    return dataclasses.replace(
        SEEN,
        pair=dataclasses.replace(PAIR, **pair),
        figures=dataclasses.replace(FIGURES, **(figures or {})),
    )


def test_at_the_ceiling_nothing_is_left() -> None:
    assert "nothing left to gain" in (ceiling_reached(seen(headroom=0.0)) or "")
    assert ceiling_reached(SEEN) is None


def test_at_the_observable_ceiling_what_is_left_may_not_be_there() -> None:
    assert "r = 0.950" in (observable_reached(seen(single_r=0.96)) or "")
    assert observable_reached(SEEN) is None
    assert observable_reached(dataclasses.replace(seen(single_r=0.96), observable_r=None)) is None


def test_a_gain_below_the_noise_cannot_be_shown() -> None:
    said = too_small_to_show(seen(headroom=0.005, interval=Interval(-0.004, 0.004)))
    assert "0.0005 r" in (said or "")
    assert "20 compositions cannot show" in (said or "")
    assert too_small_to_show(SEEN) is None
    nowhere = Interval(math.nan, math.nan)
    assert too_small_to_show(seen(interval=nowhere)) is None


def test_a_gain_that_may_be_chance() -> None:
    large = {"difference": 0.1, "share_of_headroom": 0.33}
    assert "may be chance" in (unsure(seen(interval=Interval(-0.01, 0.2), **large)) or "")
    assert unsure(seen(interval=Interval(0.05, 0.2), **large)) is None
    assert unsure(seen(interval=Interval(-0.01, 0.05))) is None, "the gain is too small anyway"


def test_what_both_singles_hold_is_told_from_what_they_share() -> None:
    assert "33 % of the headroom). gated does not use" in (nothing_to_add(SEEN) or "")
    assert "say the same" in (nothing_to_add(seen(both_singles_r=0.71, fusion_r=0.70)) or "")
    assert nothing_to_add(seen(both_singles_r=math.nan)) is None
    assert nothing_to_add(seen(headroom=0.0)) is None
    assert nothing_to_add(seen(both_singles_r=0.71, fusion_r=0.715)) is None


def test_a_single_that_knows_too_little_is_no_proof_that_both_say_the_same() -> None:
    weak = dataclasses.replace(
        seen(single="midi_only", both_singles_r=0.708, independent_r=0.71, fusion_r=0.69),
        single_r={"audio": 0.2, "midi": 0.7},
    )
    said = too_weak_to_add(weak) or ""
    assert said.startswith("audio_only (r = 0.200) knows too little to add 10 %")
    assert "would reach r = 0.710, 3 % of the headroom; it reaches 0.708" in said
    assert nothing_to_add(weak) is None
    assert too_weak_to_add(SEEN) is None
    assert too_weak_to_add(seen(independent_r=math.nan)) is None, "one single alone"
    more = too_weak_to_add(seen(independent_r=0.71, fusion_r=0.72)) or ""
    assert more.endswith("gated, at 0.720, finds more than that already.")
    assert "already" not in said
    assert too_weak_to_add(seen(independent_r=0.71, headroom=0.0)) is None


def test_a_single_that_found_nothing_leaves_nothing_to_fuse() -> None:
    unheard = dataclasses.replace(SEEN, single_r={"audio": 0.01, "midi": 0.7})
    assert "audio_only (r = 0.010) has found next to nothing" in (deaf(unheard) or "")
    assert nothing_to_add(unheard) is None
    assert deaf(SEEN) is None


def test_a_side_that_is_not_missed() -> None:
    kept = dataclasses.replace(SEEN, alone_r={"audio": 0.719, "midi": 0.2})
    assert "gated does without MIDI" in (does_without(kept) or "")
    assert does_without(SEEN) is None
    assert does_without(dataclasses.replace(kept, pair=seen(fusion_r=-0.1).pair)) is None


def test_a_side_that_was_not_learnt() -> None:
    weak = dataclasses.replace(SEEN, alone_r={"audio": 0.69, "midi": 0.3})
    said = side_not_learnt(weak) or ""
    assert "given MIDI alone it reaches r = 0.300, where midi_only reaches 0.650" in said
    assert "audio alone" not in said
    assert side_not_learnt(SEEN) is None
    assert side_not_learnt(dataclasses.replace(weak, single_r={"audio": 0.7})) is None


@pytest.mark.parametrize(("share", "weak"), [(0.05, "audio"), (0.95, "MIDI"), (0.1, ""), (0.5, "")])
def test_a_side_of_no_weight(share: float, weak: str) -> None:
    said = one_sided(seen({"audio_share": share}))
    assert (said or "").startswith(weak)
    assert (said is None) == (not weak)
    assert one_sided(seen({"audio_share": None})) is None


def test_a_side_that_training_does_not_pull_at() -> None:
    said = starved(seen({"gradient_norms": {"audio": 2.0, "midi": 0.1}}))
    assert "on the MIDI side is 5.0 %" in (said or "")
    assert starved(SEEN) is None
    assert starved(seen({"gradient_norms": {}})) is None
    assert starved(seen({"gradient_norms": {"audio": 0.0, "midi": 0.0}})) is None


def test_sides_that_do_not_meet() -> None:
    shifted = seen({"shift_steps": -4, "shift_ms": -400.0})
    assert "moved by -4 steps" in (misaligned(shifted) or "")
    assert misaligned(seen({"shift_steps": -4, "shift_cka": 0.01})) is None, "no shift to speak of"
    lost = seen({"retrieval_at_1": 0.003})
    assert "0.3 % of cases (0.2 % by chance)" in (misaligned(lost) or "")
    assert misaligned(SEEN) is None
    unknown = seen({"shift_steps": None, "retrieval_at_1": None, "retrieval_chance": None})
    assert misaligned(unknown) is None


def test_a_training_that_was_cut_short() -> None:
    assert still_learning(SEEN) is None
    cut = dataclasses.replace(SEEN, kept_epoch=12)
    assert "last epoch (12)" in (still_learning(cut) or "")


def test_the_decisive_comes_first_and_something_is_always_said() -> None:
    said = explain_no_gain(dataclasses.replace(seen(headroom=0.0), kept_epoch=12))
    assert "nothing left to gain" in said[0]
    assert "last epoch" in said[-1]
    silent = seen(both_singles_r=math.nan, independent_r=math.nan)
    assert explain_no_gain(silent) == ("No diagnostic on this page explains it.",)
