import dataclasses

import pytest

from models.evaluation.agreement.resampling import Interval
from models.evaluation.criteria.limitations import headline, limitations
from models.evaluation.criteria.verdict import Verdict
from models.evaluation.report.document import Report, TierSound
from models.evaluation.report.environment import say

PHASE2_DB = (None, 35.0, 25.0, 20.0)
BAND = (200.0, 6000.0)


def found(
    report: Report,
    snr_db: tuple[float | None, ...],
    bands: tuple[tuple[float, float] | None, ...] = (None,) * 4,
    models: tuple[str, ...] = ("audio_only", "midi_only", "gated"),
    **data: str,
) -> dict[str, Verdict]:
    sounds = {
        tier: TierSound(snr_db=snr, band_hz=band)
        for tier, snr, band in zip(report.data.sounds, snr_db, bands, strict=True)
    }
    changed = dataclasses.replace(
        report,
        data=dataclasses.replace(report.data, sounds=sounds, **data),  # type: ignore[arg-type]
        models=tuple(one for one in report.models if one.name in models),
    )
    return {one.code: one for one in limitations(changed)}


@pytest.mark.parametrize(
    ("snr_db", "bands", "what", "of"),
    [
        (PHASE2_DB, (None,) * 4, "noise", "each tier"),
        ((None, 30.0, 30.0, 20.0), (None,) * 4, "noise", "some tiers"),
        ((30.0,) * 4, (None, None, None, BAND), "pass band", "some tiers"),
    ],
)
def test_sound_that_differs_by_tier_comes_first_and_names_the_models_with_audio(
    report: Report,
    snr_db: tuple[float | None, ...],
    bands: tuple[tuple[float, float] | None, ...],
    what: str,
    of: str,
) -> None:
    first = next(iter(found(report, snr_db, bands, recipe="edited").values()))
    assert first.code == "sound_tells_tier"
    models = ("audio_only", "gated")
    assert first.numbers == {"what": what, "of": of, "recipe": "edited", "models": models}
    assert first.code not in found(report, snr_db, bands, models=("midi_only",))


@pytest.mark.parametrize("snr_db", [None, 30.0])
def test_tiers_that_sound_alike_give_nothing_away(report: Report, snr_db: float | None) -> None:
    assert set(found(report, (snr_db,) * 4)) == {"one_signal", "trained_once", "no_listeners"}


def test_the_kind_of_labels_and_of_audio(report: Report) -> None:
    assert "severity_labels" in found(report, PHASE2_DB, kind="factored")
    assert "damage_not_in_sound" in found(report, PHASE2_DB, audio_source="recorded")
    assert "trained_once" not in found(report, PHASE2_DB, models=())


def fused(report: Report, difference: float, interval: Interval, pieces: int) -> Verdict:
    assert report.fusion_pair is not None
    pair = dataclasses.replace(report.fusion_pair, difference=difference, interval=interval)
    data = dataclasses.replace(report.data, compositions={"test": pieces})
    changed = dataclasses.replace(report, fusion_pair=pair, data=data)
    return headline(changed)[1]


def test_a_difference_is_a_gain_or_a_loss_where_pieces_and_interval_show_it(
    report: Report,
) -> None:
    gain, loss, unsure = Interval(0.1, 0.3), Interval(-0.3, -0.1), Interval(-0.1, 0.3)
    assert fused(report, 0.2, gain, 6).numbers["helps"] == "helps"
    assert fused(report, -0.2, loss, 6).numbers["helps"] == "does not help"
    undecided = "has not been shown to help"
    assert fused(report, 0.2, unsure, 12).numbers["helps"] == undecided
    few = fused(report, 0.2, gain, 5)
    assert few.numbers["helps"] == undecided
    assert few.numbers["difference"] == 0.2


def test_the_headline_tells_the_best_model_and_one_thing_more(
    report: Report, factored_report: Report
) -> None:
    best, fusion = report.headline
    assert (best.code, best.numbers["model"]) == ("best_model", "audio_only")
    assert best.numbers["r"] == report.model("audio_only").agreement.mean_r
    assert best.numbers["ceiling_r"] == report.ceiling.mean_r
    assert fusion.numbers["fusion"] == "crossattn"
    _, response = factored_report.headline
    assert response.code == "response"
    assert response.numbers["ordered"] == pytest.approx(1)
    assert response.numbers["fall"] == pytest.approx(response.numbers["due"], abs=1)
    one = dataclasses.replace(report, fusion_pair=None, models=report.models[:1])
    assert headline(one)[1].numbers["models"] == ("audio_only",)
    assert headline(dataclasses.replace(report, best=None)) == ()


def test_a_network_that_does_no_better_than_plain_measures_is_named(report: Report) -> None:
    def beside(r: float, mae: float = 50.0) -> Verdict:
        """The third sentence, where plain measures reach `r` and err by `mae`."""
        agreement = dataclasses.replace(report.model("midi_only").agreement, mean_r=r, mean_mae=mae)
        plain = dataclasses.replace(
            report.model("midi_only"), name="heuristics_only", agreement=agreement
        )
        return headline(dataclasses.replace(report, models=(*report.models, plain)))[2]

    weakest, *_ = sorted(one.agreement.mean_r for one in report.models)
    assert beside(weakest - 0.1).numbers["no_better"] == ()
    assert beside(weakest).numbers["no_better"] == ("midi_only",)
    assert "midi_only does no better" in " ".join(say(beside(weakest)).split())
    assert "Every network has a higher r" in say(beside(weakest - 0.1))
    errs = report.model("midi_only").agreement.mean_mae
    assert "midi_only" in beside(weakest - 0.1, errs).numbers["no_better"]
