import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from degradation.degrade import CEILING
from degradation.notes import SOFT, SUSTAIN, Performance
from degradation.recipe import load_recipe
from pipelines.listening.page import ListeningSegment, listening_page
from pipelines.listening.pedal_pair import (
    half_pedal_share,
    most_half_pedal,
    pedal_as_switch,
    pedal_pair,
)

RECIPES = Path(__file__).parents[3] / "configs" / "recipes"


def with_pedal(clean: Performance, *values: int) -> Performance:
    """The scale with the pedal at each value for as long as at the others."""
    pedal = np.zeros(len(values), clean.pedal.dtype)
    pedal["time_s"] = np.arange(len(values)) * clean.duration_s / len(values)
    pedal["controller"], pedal["value"] = SUSTAIN, values
    return replace(clean, pedal=pedal)


def test_half_a_pedal_is_between_dampers_on_and_dampers_free(clean: Performance) -> None:
    assert half_pedal_share(with_pedal(clean, 20, 21, 63, 64)) == pytest.approx(0.5)
    assert half_pedal_share(with_pedal(clean)) == 0
    assert half_pedal_share(clean) == pytest.approx(0.25)


def test_the_passage_with_the_most_half_pedal_is_heard_if_any_has_much(clean: Performance) -> None:
    dry, some = with_pedal(clean, 0, 127), with_pedal(clean, 30, *[127] * 19)
    half, whole = with_pedal(clean, 30, 0), with_pedal(clean, 40)
    assert most_half_pedal({"a": dry, "b": whole, "c": half}) == "b"
    assert most_half_pedal({"a": dry, "b": some}) is None


def test_a_switch_is_up_or_down_and_moves_when_the_pedal_did(clean: Performance) -> None:
    played = with_pedal(clean, 10, 63, 64, 90, 40)
    played.pedal.setflags(write=True)
    played.pedal["controller"][3] = SOFT
    switched = pedal_as_switch(played).pedal
    assert switched["value"].tolist() == [0, 0, 127, 90, 0]
    assert np.array_equal(switched["time_s"], played.pedal["time_s"])


def test_both_takes_are_one_playing_and_differ_in_sound_where_the_pedal_is_half_down(
    clean: Performance,
) -> None:
    """So loud that both are turned down, alike."""
    piano = load_recipe(RECIPES / "phase2.yaml").instruments[0].model_copy(update={"gain": 9.0})
    played, switch = pedal_pair(with_pedal(clean, 127, 127, 40, 40), piano)
    sounds = [soundfile.read(io.BytesIO(take.flac))[0] for take in (played, switch)]
    lift = round(24_000 * clean.duration_s / 2)
    assert np.array_equal(sounds[0][:lift], sounds[1][:lift])
    assert np.abs(sounds).max() == pytest.approx(CEILING, abs=1e-3)
    after = [float(np.std(sound[lift:])) for sound in (*sounds, sounds[0] - sounds[1])]
    assert after[0] > after[1], "half a pedal rings on"
    assert after[2] > 0.2 * after[1]
    assert switch.clean is played.degraded


def test_the_page_says_what_the_pair_is_and_gives_it_no_scores(clean: Performance) -> None:
    pair = pedal_pair(clean, load_recipe(RECIPES / "phase2.yaml").instruments[0])
    segment = ListeningSegment(
        segment_id="a", composer="Anon.", title="Scale", start_s=0, split="test",
        licence="CC0-1.0", takes=pair[::-1], note="Half a pedal",
    )  # fmt: skip
    html = listening_page([segment], None, "phase2", "demo")
    assert html.index("<h3>pedal as played</h3>") < html.index("<h3>pedal as a switch</h3>")
    assert '<p class="note">Half a pedal</p>' in html
    assert "Scores, from 50" not in html
