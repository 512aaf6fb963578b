import dataclasses

import pytest

from models.evaluation.agreement.resampling import Gain, Interval
from models.evaluation.criteria.limitations import caveats
from models.evaluation.report.evaluation import Evaluation, TierSound
from models.evaluation.report.formats import listed
from models.evaluation.report.summary import Summary, summarise

PHASE2_DB = (None, 35.0, 25.0, 20.0)
ALIKE_DB = (None,) * 4


@pytest.fixture(scope="module")
def summary(evaluation: Evaluation) -> Summary:
    return summarise(evaluation)


def said(
    summary: Summary,
    snr_db: tuple[float | None, ...],
    *,
    bands: tuple[tuple[float, float] | None, ...] = (None,) * 4,
    experiments: tuple[str, ...] = ("audio_only", "midi_only", "gated"),
    audio_source: str = "rendered",
) -> str:
    sounds = {
        tier: TierSound(snr_db=snr, band_hz=band)
        for tier, snr, band in zip(summary.evaluation.sounds, snr_db, bands, strict=True)
    }
    changed = dataclasses.replace(
        summary.evaluation, recipe="edited", audio_source=audio_source, sounds=sounds  # type: ignore[arg-type]
    )  # fmt: skip
    chosen = tuple(one for one in summary.experiments if one.name in experiments)
    return "\n".join(caveats(dataclasses.replace(summary, evaluation=changed, experiments=chosen)))


def with_gains(summary: Summary, audio_r: float, **gains: tuple[float, float]) -> str:
    """What is said of fusions whose gains over `audio_only` have these intervals."""
    experiments = []
    for one in summary.experiments:
        gain = None
        if one.name in gains:
            low, high = gains[one.name]
            gain = Gain(mean_r=(low + high) / 2, interval=Interval(low, high))
        agreement = dataclasses.replace(one.agreement, mean_r=audio_r)
        experiments.append(dataclasses.replace(one, agreement=agreement, gain_over_audio=gain))
    ceiling = dataclasses.replace(summary.ceiling_here, mean_r=0.966)
    return "\n".join(
        caveats(dataclasses.replace(summary, experiments=tuple(experiments), ceiling_here=ceiling))
    )


def test_names_are_listed_as_a_sentence_does() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c", "d"]) == "a, b, c and d"


def test_tiers_of_different_noise_are_a_shortcut_whatever_the_recipe_is_called(
    summary: Summary,
) -> None:
    text = said(summary, PHASE2_DB)
    assert "A noise meter solves this task. Recipe edited" in text
    assert "pristine: untouched; good: noise at 35 dB SNR; moderate: noise at 25 dB SNR" in text
    assert "The r of audio_only and gated reflects that shortcut" in text
    assert "midi_only has no such shortcut" in text


def test_five_experiments_are_named_in_one_breath(summary: Summary) -> None:
    names = ("audio_only", "midi_only", "crossattn", "gated", "concat")
    text = said(summary, PHASE2_DB, experiments=names)
    assert "The r of audio_only, crossattn, gated and concat reflects" in text


def test_the_figures_are_the_recipe_s_own(summary: Summary) -> None:
    text = said(summary, (50.0, 40.0, 30.0, 12.5))
    assert "poor: noise at 12.5 dB SNR" in text
    assert "35 dB" not in text


@pytest.mark.parametrize("snr_db", [None, 30.0])
def test_tiers_that_sound_alike_give_no_such_caveat(summary: Summary, snr_db: float | None) -> None:
    text = said(summary, (snr_db,) * 4)
    assert "shortcut" not in text
    assert "noise" not in text


def test_a_shared_ratio_gives_a_part_away(summary: Summary) -> None:
    assert "A noise meter solves a part of this task" in said(summary, (None, 30.0, 30.0, 20.0))


def test_a_band_of_its_own_gives_a_tier_away(summary: Summary) -> None:
    text = said(summary, (30.0,) * 4, bands=(None, None, None, (200.0, 6000.0)))
    assert "bandwidth" in text
    assert "poor: band 200–6000 Hz, noise at 30 dB SNR" in text


def test_only_models_that_hear_take_the_shortcut(summary: Summary) -> None:
    assert "shortcut" not in said(summary, PHASE2_DB, experiments=("midi_only",))
    text = said(summary, PHASE2_DB, experiments=("gated",))
    assert "The r of gated reflects" in text
    assert "midi_only" not in text


def test_recordings_that_are_left_alone_tell_nothing(summary: Summary) -> None:
    assert "only noise and filtering tell" in said(summary, PHASE2_DB, audio_source="recorded")
    left = said(summary, ALIKE_DB, audio_source="recorded")
    assert "nothing in it tells its tiers apart" in left


def test_a_fusion_that_cannot_be_told_from_audio_alone_is_named_with_what_was_left(
    summary: Summary,
) -> None:
    text = with_gains(
        summary, 0.961, crossattn=(-0.04, -0.03), gated=(-0.001, 0.002), concat=(-0.01, 0.0)
    )
    assert "gated and concat add nothing measurable to audio_only" in text
    assert "each difference in mean r holds 0" in text
    assert "The headroom above audio alone is 0.005 r" in text
    alone = with_gains(summary, 0.966, gated=(-0.001, 0.002))
    assert "gated adds nothing measurable to audio_only" in alone
    assert "There is no headroom" in alone


def test_a_fusion_that_gains_is_not_talked_down(summary: Summary) -> None:
    assert "nothing measurable" not in with_gains(summary, 0.9, gated=(0.001, 0.002))


def test_one_composition_can_show_no_gain(summary: Summary) -> None:
    one = dataclasses.replace(summary, compositions={**summary.compositions, "test": 1})
    text = with_gains(one, 0.9, gated=(float("nan"), float("nan")))
    assert "gated adds nothing measurable to audio_only: on one composition" in text


def test_gates_are_no_contribution_where_there_is_a_fusion(summary: Summary) -> None:
    assert "Gates, attention and norms are no measure" in said(summary, ALIKE_DB)
    without = said(summary, ALIKE_DB, experiments=("audio_only", "midi_only"))
    assert "Gates" not in without
