import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance
from degradation.notes import release_before_restrike as tidy
from degradation.seeds import stream
from degradation.waveform import Waveform
from models.evaluation.report.figures.palette import TIER_COLOURS
from pipelines.listening.note_changes import NoteChange
from pipelines.listening.palette import NOTE_COLOURS
from pipelines.pictures.before_after import before_and_after
from pipelines.pictures.png import as_markdown
from pipelines.pictures.score_histograms import score_histograms

LIMIT_BYTES = 100_000
DIMENSIONS = [f"dimension_{number}" for number in range(8)]


def noise(seed: int, duration_s: float = 2.0) -> Waveform:
    samples = stream(seed, "noise").normal(0, 0.1, round(24_000 * duration_s)).astype(np.float32)
    return Waveform(samples=samples, sample_rate_hz=24_000)


def count_pixels(png: bytes, colour: str) -> int:
    """How many pixels have `colour`, give or take what packing into a palette changes."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(pixels - wanted).max(axis=2) <= 6).sum())


def loudest(performance: Performance) -> Performance:
    """The same notes at velocity 127, which is drawn opaque: the colour itself is on paper."""
    notes = performance.notes.copy()
    notes["velocity"] = 127
    return Performance(notes=notes, pedal=performance.pedal, duration_s=performance.duration_s)


@pytest.mark.parametrize("change", [NoteChange.MOVED, NoteChange.WRONG, NoteChange.EXTRA])
def test_a_change_shows_in_its_colour(
    clean: Performance, degraded: Performance, change: NoteChange
) -> None:
    clean, degraded, sound = loudest(clean), loudest(degraded), noise(0)
    unchanged = before_and_after(clean, sound, clean, sound, "")
    changed = before_and_after(clean, sound, degraded, sound, "")
    in_legend = count_pixels(unchanged, NOTE_COLOURS[change])
    assert count_pixels(changed, NOTE_COLOURS[change]) > in_legend + 100


def test_the_densest_music_in_noise_stays_small_enough_to_show_inline() -> None:
    rng = stream(0, "dense")
    notes = np.zeros(600, dtype=NOTE_DTYPE)
    notes["note_id"] = np.arange(len(notes))
    notes["onset_s"] = np.sort(rng.uniform(0, 9.5, len(notes)))
    notes["offset_s"] = notes["onset_s"] + rng.uniform(0.02, 0.4, len(notes))
    notes["pitch"] = rng.integers(21, 109, len(notes))
    notes["velocity"] = rng.integers(1, 128, len(notes))
    pedal = np.zeros(400, dtype=PEDAL_DTYPE)
    pedal["time_s"] = np.sort(rng.uniform(0, 10, len(pedal)))
    pedal["controller"], pedal["value"] = SUSTAIN, rng.integers(0, 128, len(pedal))
    clean = Performance(notes=tidy(notes), pedal=pedal, duration_s=10.0)
    notes["pitch"] = rng.integers(21, 109, len(notes))
    degraded = Performance(notes=tidy(notes), pedal=pedal, duration_s=10.0)
    png = before_and_after(clean, noise(1, 10.0), degraded, noise(2, 10.0), "Études " * 40)
    assert png.startswith(b"\x89PNG")
    assert len(png) < LIMIT_BYTES


def test_silence_without_notes_is_a_picture_too() -> None:
    nothing = Performance(
        notes=np.zeros(0, NOTE_DTYPE), pedal=np.zeros(0, PEDAL_DTYPE), duration_s=1.0
    )
    silence = Waveform(samples=np.zeros(24_000, np.float32), sample_rate_hz=24_000)
    assert before_and_after(nothing, silence, nothing, silence, "rest").startswith(b"\x89PNG")


def test_a_dollar_in_a_title_is_only_a_dollar(clean: Performance) -> None:
    png = before_and_after(clean, noise(0), clean, noise(0), "Rondo for $2, $\\frac{ op. 1")
    assert png.startswith(b"\x89PNG")


def test_histograms_show_the_tiers_that_occur() -> None:
    scores = pd.DataFrame(stream(0, "scores").uniform(50, 100, (400, 8)), columns=DIMENSIONS)
    tiers = pd.Series(["good", "poor"] * 200)
    png = score_histograms(scores, tiers)
    assert len(png) < LIMIT_BYTES
    shown = {tier for tier, colour in TIER_COLOURS.items() if count_pixels(png, colour) > 500}
    assert shown == {"good", "poor"}


def test_histograms_pair_rows_by_place_whatever_their_index() -> None:
    scores = pd.DataFrame(stream(0, "scores").uniform(50, 100, (40, 8)), columns=DIMENSIONS)
    tiers = pd.Series(["good", "poor"] * 20)
    assert score_histograms(scores, tiers) == score_histograms(scores, tiers.set_axis(range(7, 47)))


def test_markdown_carries_the_picture_itself() -> None:
    shown = as_markdown(b"\x89PNG...", "piano roll [poor]")
    found = re.fullmatch(r"!\[([^\[\]]*)\]\(data:image/png;base64,(.*)\)", shown)
    assert found is not None
    assert base64.b64decode(found[2]) == b"\x89PNG..."
