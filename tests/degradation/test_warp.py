from collections.abc import Callable

import numpy as np
import pytest

from degradation.edits import apply_edits
from degradation.notes import Performance
from degradation.timing import stretch_time, warp_time

Assemble = Callable[..., Performance]


def test_no_stretch_moves_nothing(compose: Callable[..., Performance]) -> None:
    clean = compose(0)
    edits = warp_time(clean, stretch_time(np.zeros_like, clean.duration_s))
    assert len(edits.notes) == 0
    assert np.array_equal(apply_edits(clean, edits).pedal, clean.pedal)


def test_the_window_keeps_its_length_whatever_the_tempo() -> None:
    ends_s = np.array([0.0, 10.0])
    for slope in (-0.2, 0.0, 0.2):
        time_map = stretch_time(lambda time_s, slope=slope: 3 + slope * time_s, 10.0)
        assert time_map(ends_s) == pytest.approx(ends_s)
        assert (np.diff(time_map(np.linspace(0, 10, 500))) > 0).all()


def test_the_stretch_is_the_one_asked_for() -> None:
    """Twice as slow in the second half as in the first: a third and two thirds of the window."""
    time_map = stretch_time(lambda time_s: np.log(2) * (time_s > 5), 10.0)
    assert time_map(np.array([5.0]))[0] == pytest.approx(10 / 3, abs=0.005)


def test_notes_lengths_and_pedal_go_along(assemble: Assemble) -> None:
    clean = assemble([(1.0, 2.0, 60, 64), (4.0, 6.0, 62, 64)], [(2.5, 64, 100), (4.0, 64, 0)])
    bent = apply_edits(clean, warp_time(clean, lambda time_s: time_s / 2))
    assert bent.notes["onset_s"].tolist() == [0.5, 2.0]
    assert bent.notes["offset_s"].tolist() == [1.0, 3.0]
    assert bent.pedal["time_s"].tolist() == [1.25, 2.0]
