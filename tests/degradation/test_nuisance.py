"""Nuisance says nothing of quality: it is drawn without a look at it, and reaches no note."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from degradation.degrade import damage_sound
from degradation.draws import FactoredDraw
from degradation.errors import UserError
from degradation.factored import FactoredRecipe
from degradation.notes import Performance
from degradation.nuisance import Nuisance, Recording
from degradation.recipe import load_recipe
from degradation.render import render
from degradation.seeds import stream
from degradation.waveform import Waveform, level_dbfs

Compose = Callable[..., Performance]

LEVEL_TOLERANCE_DB = 2.0
"""On real music the gains of the recipe leave 0.1 dB; this music is denser than any."""


def draw(recipe: FactoredRecipe, segment: str, severity: float = 0.0) -> FactoredDraw:
    return FactoredDraw(recipe=recipe, segment_id=segment, number=0, severity_jnd=(severity,) * 7)


@pytest.fixture(scope="module")
def recordings(factored: FactoredRecipe) -> list[Recording]:
    return [draw(factored, f"s{number}").recording for number in range(2000)]


def test_how_a_row_is_recorded_does_not_follow_from_its_severities(
    factored: FactoredRecipe,
) -> None:
    for number in range(50):
        clean, poor = (draw(factored, f"s{number}", jnd).recording for jnd in (0.0, 8.0))
        assert clean == poor


def test_every_part_is_drawn_from_the_distribution_that_the_recipe_states(
    factored: FactoredRecipe, recordings: list[Recording]
) -> None:
    nuisance = factored.nuisance
    shares = {
        nuisance.room_share: [one.room is not None for one in recordings],
        nuisance.noise.share: [one.noise is not None for one in recordings],
    }
    for share, there in shares.items():
        low, high = scipy.stats.binom.interval(0.9999, len(there), share)
        assert low <= sum(there) <= high
    low_db, high_db = nuisance.gain_db
    gains_db = [one.gain.gain_db for one in recordings]
    assert scipy.stats.kstest(gains_db, "uniform", (low_db, high_db - low_db)).pvalue > 0.0005
    low_db, high_db = nuisance.noise.snr_db
    snrs_db = [one.noise.snr_db for one in recordings if one.noise]
    assert scipy.stats.kstest(snrs_db, "uniform", (low_db, high_db - low_db)).pvalue > 0.0005
    octaves = np.log([one.band.high_hz for one in recordings])
    low, high = np.log(nuisance.band.high_hz)
    assert scipy.stats.kstest(octaves, "uniform", (low, high - low)).pvalue > 0.0005
    assert len({one.room.name for one in recordings if one.room}) == nuisance.rooms.count
    instruments = Counter(one.instrument.soundfont for one in recordings)
    assert min(instruments.values()) > len(recordings) / len(factored.instruments) * 0.8


def test_the_parts_do_not_go_together(recordings: list[Recording]) -> None:
    columns = np.array(
        [
            [
                one.gain.gain_db,
                np.log(one.band.low_hz),
                np.log(one.band.high_hz),
                float(one.room is not None),
                float(one.noise is not None),
                *(band.gain_db for band in one.equaliser.bands),
            ]
            for one in recordings
        ]
    )
    correlation = np.corrcoef(columns.T)[np.triu_indices(columns.shape[1], 1)]
    assert np.abs(correlation).max() < 4 / np.sqrt(len(columns))


def test_a_change_of_one_part_leaves_the_others(factored: FactoredRecipe) -> None:
    values = factored.model_dump()
    values["nuisance"]["room_share"] = 0.0
    dry = FactoredRecipe.model_validate(values)
    for number in range(20):
        before, after = (draw(recipe, f"s{number}").recording for recipe in (factored, dry))
        assert after.room is None
        assert (before.gain, before.band, before.noise) == (after.gain, after.band, after.noise)
        assert (before.equaliser, before.instrument) == (after.equaliser, after.instrument)


def test_noise_comes_last_and_the_snr_is_that_of_what_is_heard(
    factored: FactoredRecipe, recordings: list[Recording]
) -> None:
    samples = 0.05 * np.random.Generator(np.random.PCG64(0)).standard_normal(24_000)
    sound = Waveform(samples=samples.astype(np.float32), sample_rate_hz=24_000)
    recording = next(one for one in recordings if one.noise and one.room)
    names = [operation.operation for operation in recording.operations]
    assert names == ["room", "equaliser", "bandpass", "gain", "coloured_noise"]
    heard = damage_sound(sound, recording.operations, draw(factored, "a").stream)
    assert recording.noise is not None
    assert heard.realised_snr_db == pytest.approx(recording.noise.snr_db, abs=0.05)


def test_an_instrument_that_is_not_here_is_left_out_and_none_at_all_is_told(
    factored: FactoredRecipe,
) -> None:
    values = factored.nuisance.model_dump()
    piano = values["instruments"][-1]
    missing = piano | {"soundfont": "nowhere.sf3"}
    some = Nuisance.model_validate(values | {"instruments": [missing, piano]})
    assert [one.soundfont for one in some.installed_instruments()] == [piano["soundfont"]]
    none = Nuisance.model_validate(values | {"instruments": [missing]})
    with pytest.raises(UserError, match=r"no soundfont .* expected one of nowhere.sf3: `make sys"):
        none.installed_instruments()


def test_rates_and_bands_that_do_not_fit_are_refused(factored: FactoredRecipe) -> None:
    values = factored.nuisance.model_dump()
    first, *others = values["instruments"]
    with pytest.raises(ValueError, match=r"share one sample_rate_hz, got \[24000, 48000\]"):
        Nuisance.model_validate(
            values | {"instruments": [first | {"sample_rate_hz": 48_000}, *others]}
        )
    with pytest.raises(ValueError, match=r"band\.high_hz should end below half of sample_rate_hz"):
        Nuisance.model_validate(values | {"band": values["band"] | {"high_hz": (6000, 12_000)}})


def put(values: dict[str, Any], key: str, to: object) -> dict[str, Any]:
    """Replace one value of nuisance, by its key as in `band.low_hz`."""
    *above, last = key.split(".")
    part = values
    for step in above:
        part = part[step]
    part[last] = to
    return values


MISTAKES: list[tuple[str, Any, str]] = [
    (
        "equaliser.low_shelf_hz",
        [0, 300],
        "equaliser.low_shelf_hz[0] should be greater than or equal",
    ),
    (
        "equaliser.peak_hz",
        [300, 12000],
        "equaliser.peak_hz should end below half of sample_rate_hz",
    ),
    (
        "equaliser.high_shelf_hz",
        [3000, 11999.97],
        "equaliser.high_shelf_hz should end below half of sample_rate_hz, 12000, got 12000",
    ),
    (
        "equaliser.gain_db",
        [-40, -30],
        "equaliser.gain_db[0] should be greater than or equal to -24",
    ),
    ("equaliser.shelf_q", 0.0004, "equaliser.shelf_q should be greater than or equal to 0.001"),
    ("equaliser.shelf_q", 2, "equaliser.shelf_q should be less than or equal to 1, got 2"),
    ("equaliser.peak_q", [0, 2], "equaliser.peak_q[0] should be greater than or equal to 0.001"),
    ("equaliser.peak_q", [5, 20], "equaliser.peak_q[1] should be less than or equal to 10, got 20"),
    ("band.low_hz", [0, 120], "band.low_hz[0] should be greater than or equal to 0.1, got 0"),
    ("band.low_hz", [20, 9000], "band: low_hz should lie below high_hz, got 9000 and 6000"),
    ("band.low_hz", [120, 20], "band.low_hz: should be [low, high], got [120, 20]"),
    ("gain_db", [-100, 6], "gain_db[0] should be greater than or equal to -60, got -100"),
    ("noise.snr_db", [-40, -30], "noise.snr_db[0] should be greater than or equal to -20, got -40"),
    (
        "rooms.absorption",
        [0.0001, 0.0004],
        "rooms.absorption[0] should be greater than or equal to",
    ),
    (
        "rooms.absorption",
        [0.5, 0.9999],
        "rooms.absorption[1] should be less than or equal to 0.999",
    ),
    (
        "rooms.smallest_m",
        [0.02, 1, 1],
        "rooms: largest_m should be at least smallest_m, and that 0.1, got",
    ),
]


@pytest.mark.parametrize(("key", "wrong", "told"), MISTAKES)
def test_a_range_that_cannot_be_drawn_from_is_told_in_one_line(
    recipes: Path, tmp_path: Path, key: str, wrong: object, told: str
) -> None:
    values = yaml.safe_load((recipes / "factored.yaml").read_text())
    put(values["nuisance"], key, wrong)
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(UserError) as caught:
        load_recipe(tmp_path / "own.yaml")
    assert told in str(caught.value)
    assert "own.yaml is not a valid recipe: nuisance" in str(caught.value)
    assert "\n" not in str(caught.value)


LIMITS: dict[str, tuple[float, float]] = {
    "gain_db": (-60, 60),
    "noise.snr_db": (-20, 120),
    "band.low_hz": (0.1, 6000),
    "band.high_hz": (120, 12_000),
    "rooms.absorption": (0.001, 0.999),
    "equaliser.low_shelf_hz": (0.1, 12_000),
    "equaliser.peak_hz": (0.1, 12_000),
    "equaliser.high_shelf_hz": (0.1, 12_000),
    "equaliser.gain_db": (-24, 24),
    "equaliser.peak_q": (0.001, 10),
}


@given(st.sampled_from(sorted(LIMITS)), st.data())
def test_whatever_is_accepted_can_be_drawn_from(
    factored: FactoredRecipe, key: str, data: Any
) -> None:
    low, high = LIMITS[key]
    numbers = st.floats(low, high) | st.floats(low - 0.1, high + 0.1)
    span = sorted((data.draw(numbers), data.draw(numbers)))
    try:
        nuisance = Nuisance.model_validate(put(factored.nuisance.model_dump(), key, span))
    except ValidationError:
        return
    recipe = factored.model_copy(update={"nuisance": nuisance})
    for number in range(5):
        equaliser = draw(recipe, f"s{number}").recording.equaliser
        click = np.zeros(4800, dtype=np.float32)
        click[0] = 0.5
        sound = Waveform(samples=click, sample_rate_hz=recipe.sample_rate_hz)
        heard = equaliser.transform(sound, stream(0, "unused")).samples
        assert np.abs(heard).max() < 10, "a filter that never ends"


@pytest.mark.slow
def test_no_instrument_is_louder_than_another(factored: FactoredRecipe, compose: Compose) -> None:
    levels_db = [
        np.mean([level_dbfs(render(compose(seed), each).samples) for seed in range(6)])
        for each in factored.instruments
    ]
    assert max(levels_db) - min(levels_db) < LEVEL_TOLERANCE_DB
