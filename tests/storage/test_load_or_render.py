import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from degradation.notes import Performance
from degradation.render import render
from degradation.tiered import TieredRecipe
from storage.audio import read_audio_window
from storage.load_or_render import RecordingError, load_or_render, recording_state


@pytest.fixture
def segment(recorded_root: Path) -> dict[str, object]:
    (path, *_) = sorted(recorded_root.glob("*/*.wav"))
    return {
        "segment_id": "segment",
        "performance_id": "performance",
        "audio_filename": str(path.relative_to(recorded_root)),
        "start_s": 5.0,
        "duration_s": 10.0,
    }


def test_a_rendering_is_of_the_notes_and_a_recording_of_the_segment(
    segment: dict[str, object],
    recorded_root: Path,
    recipe: TieredRecipe,
    random_performance: Callable[..., Performance],
) -> None:
    instrument = recipe.instrument
    for played in (random_performance(1), random_performance(2)):
        rendered = load_or_render(played, "rendered", instrument, segment, None)
        assert np.array_equal(rendered.samples, render(played, instrument).samples)
        recorded = load_or_render(played, "recorded", instrument, segment, recorded_root)
        window = read_audio_window(
            recorded_root / str(segment["audio_filename"]), 5.0, 10.0, instrument.sample_rate_hz
        )
        assert np.array_equal(recorded.samples, window.samples)


@pytest.mark.parametrize(
    ("change", "rooted", "reason"),
    [
        ({"audio_filename": ""}, True, "performance has no recording, but the recipe's"),
        ({"audio_filename": "gone.wav"}, True, "gone.wav cannot be read as audio"),
        ({"start_s": 1e4}, True, "restore the whole recording"),
        ({}, False, "expected its corpus root"),
    ],
)
def test_an_unusable_recording_is_an_error(
    segment: dict[str, object],
    recorded_root: Path,
    recipe: TieredRecipe,
    random_performance: Callable[..., Performance],
    change: dict[str, object],
    rooted: bool,
    reason: str,
) -> None:
    root = recorded_root if rooted else None
    with pytest.raises(RecordingError, match=reason) as told:
        load_or_render(random_performance(1), "recorded", recipe.instrument, segment | change, root)
    assert "\n" not in str(told.value)


def test_a_recordings_state_changes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    states = [recording_state(path)]
    for content, modified_ns in ((b"one", 10**18), (b"more", 10**18), (b"five", 2 * 10**18)):
        path.write_bytes(content)
        os.utime(path, ns=(modified_ns, modified_ns))
        assert recording_state(path) == recording_state(path)
        states.append(recording_state(path))
    assert len(set(states)) == 4
