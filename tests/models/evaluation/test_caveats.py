import dataclasses

import pytest

from models.evaluation.caveats import caveats
from models.evaluation.summary import Summary, TierSound

TIERS = ("pristine", "good", "moderate", "poor")
PHASE2_DB = (None, 35.0, 25.0, 20.0)


@dataclasses.dataclass(frozen=True)
class Model:
    name: str


def said(
    snr_db: tuple[float | None, ...],
    *,
    bands: tuple[tuple[float, float] | None, ...] = (None,) * 4,
    experiments: tuple[str, ...] = ("audio_only", "midi_only", "gated"),
    audio_source: str = "rendered",
) -> str:
    summary = Summary(
        recipe="edited", audio_source=audio_source, corpus="c", licence="l", split="test",
        sounds={
            tier: TierSound(snr_db=snr, band_hz=band)
            for tier, snr, band in zip(TIERS, snr_db, bands, strict=True)
        },
        counts={}, compositions={"test": 40}, segments=1,
        ceiling=None, ceiling_here=None, baseline=None,  # type: ignore[arg-type]
        experiments=tuple(map(Model, experiments)),  # type: ignore[arg-type]
    )  # fmt: skip
    return "\n".join(caveats(summary))


def test_tiers_of_different_noise_are_a_shortcut_whatever_the_recipe_is_called() -> None:
    text = said(PHASE2_DB)
    assert "A noise meter solves this task. Recipe edited" in text
    assert "pristine: untouched; good: noise at 35 dB SNR; moderate: noise at 25 dB SNR" in text
    assert "The r of audio_only and gated reflects that shortcut" in text
    assert "midi_only has no such shortcut" in text


def test_the_figures_are_the_recipe_s_own() -> None:
    text = said((50.0, 40.0, 30.0, 12.5))
    assert "poor: noise at 12.5 dB SNR" in text
    assert "35 dB" not in text


@pytest.mark.parametrize("snr_db", [None, 30.0])
def test_tiers_that_sound_alike_give_no_such_caveat(snr_db: float | None) -> None:
    text = said((snr_db,) * 4)
    assert "shortcut" not in text
    assert "noise" not in text


def test_a_shared_ratio_gives_a_part_away() -> None:
    assert "A noise meter solves a part of this task" in said((None, 30.0, 30.0, 20.0))


def test_a_band_of_its_own_gives_a_tier_away() -> None:
    text = said((30.0,) * 4, bands=(None, None, None, (200.0, 6000.0)))
    assert "bandwidth" in text
    assert "poor: band 200–6000 Hz, noise at 30 dB SNR" in text


def test_only_models_that_hear_take_the_shortcut() -> None:
    assert "shortcut" not in said(PHASE2_DB, experiments=("midi_only",))
    text = said(PHASE2_DB, experiments=("gated",))
    assert "The r of gated reflects" in text
    assert "midi_only" not in text


def test_recordings_that_are_left_alone_tell_nothing() -> None:
    assert "only noise and filtering tell" in said(PHASE2_DB, audio_source="recorded")
    assert "nothing in it tells its tiers apart" in said((None,) * 4, audio_source="recorded")
