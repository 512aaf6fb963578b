import numpy as np
import pandas as pd
import pytest

from models.evaluation.counterfactuals.families import FACTORS, arrange
from models.evaluation.counterfactuals.modality_reliance import modality_reliance


def test_a_share_that_follows_one_factor_is_seen_to(families: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    dosed = (families["varied"] == "tone_quality") * families["varied_severity_jnd"]
    twin = families["varied"] == "nuisance"
    share = 0.4 + 0.05 * dosed + 0.1 * twin + rng.normal(0, 0.001, len(families))
    rows = families.assign(audio_share=share)
    found = modality_reliance(arrange(rows, ["audio_share"]), seed=0)
    place = FACTORS.index("tone_quality")
    assert found.base == pytest.approx(0.4, abs=0.001)
    assert found.change[place] == pytest.approx(0.2, abs=0.002)
    assert found.low[place] < found.change[place] < found.high[place]
    assert found.low[place] > 0.19
    assert np.delete(found.change, place) == pytest.approx(np.zeros(6), abs=0.002)
    assert found.other_recording == pytest.approx(0.1, abs=0.001)


def test_a_constant_leans_nowhere_and_without_twins_nothing_is_said_of_them(
    families: pd.DataFrame,
) -> None:
    rows = families[families["varied"] != "nuisance"].assign(gate=0.5)
    found = modality_reliance(arrange(rows, ["gate"]), seed=0)
    assert (found.base, found.change, found.other_recording) == (0.5, (0,) * 7, None)
