from collections.abc import Callable

import numpy as np
import pytest

from degradation.edits import apply_edits
from degradation.notes import Performance
from degradation.seeds import stream
from degradation.timing import TempoDrift, wander

Assemble = Callable[..., Performance]


@pytest.fixture
def pulse(assemble: Assemble) -> Performance:
    """An even pulse of ten notes a second, each held for half of its interval."""
    return assemble([(0.1 * n, 0.1 * n + 0.05, 60 + n % 3, 64) for n in range(100)])


def log_tempo(clean: Performance, share: float, seed: int) -> np.ndarray:
    operation = TempoDrift(share=share, timescale_s=4)
    bent = apply_edits(clean, operation.draw(clean, stream(seed, "drift"))).notes
    return np.log(np.diff(bent["onset_s"]) / np.diff(clean.notes["onset_s"]))


@pytest.mark.parametrize("duration_s", [2.0, 10.0, 60.0])
def test_the_course_has_unit_spread_no_mean_and_only_slow_waves(duration_s: float) -> None:
    grid_s = np.linspace(0, duration_s, 20_001)
    for seed in range(5):
        course = wander(stream(seed, "w"), duration_s, 4.0)(grid_s)
        assert course.mean() == pytest.approx(0, abs=1e-3)
        assert course.std() == pytest.approx(1, abs=1e-3)
        crossings = np.count_nonzero(np.diff(np.sign(course)))
        assert crossings <= max(duration_s / 2, 1), "a period of 4 s crosses zero every 2 s"


@pytest.mark.parametrize("share", [0.03, 0.24])
def test_every_window_wanders_by_the_share_asked_for(pulse: Performance, share: float) -> None:
    for seed in range(10):
        assert log_tempo(pulse, share, seed).std() == pytest.approx(share, rel=0.03)


def test_twice_the_share_bends_the_tempo_twice_as_far(pulse: Performance) -> None:
    small, large = (log_tempo(pulse, share, 0) for share in (0.05, 0.1))
    assert large - large.mean() == pytest.approx(2 * (small - small.mean()), abs=0.003)


def test_the_order_of_notes_and_their_joining_stay(compose: Callable[..., Performance]) -> None:
    clean = compose(3)
    bent = apply_edits(clean, TempoDrift(share=0.3, timescale_s=1).draw(clean, stream(0, "drift")))
    order = np.argsort(clean.notes["onset_s"], kind="stable")
    by_id = {note["note_id"]: note for note in bent.notes}
    moved_s = np.array([by_id[note_id]["onset_s"] for note_id in clean.notes["note_id"][order]])
    assert (np.diff(moved_s) >= 0).all()
    assert len(bent.pedal) == len(clean.pedal)


def test_a_pedal_change_stays_with_its_chord(pulse: Performance, assemble: Assemble) -> None:
    notes = [tuple(note)[1:] for note in pulse.notes]
    clean = assemble(notes, [(n + 0.05, 64, 127 * (n % 2)) for n in range(9)])
    bent = apply_edits(clean, TempoDrift(share=0.3, timescale_s=4).draw(clean, stream(0, "d")))
    interval = np.searchsorted(bent.notes["onset_s"], bent.pedal["time_s"])
    assert interval.tolist() == [10 * n + 1 for n in range(9)]
