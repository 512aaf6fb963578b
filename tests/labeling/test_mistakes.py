import numpy as np

from degradation.notes import NOTE_DTYPE
from labeling.mistakes import find_mistakes


def test_each_note_is_in_its_class_with_the_time_at_which_it_was_played() -> None:
    """Note 0 is late, 1 missed, 2 a semitone high, 3 softer; 9 is extra, with the pitch of 1."""
    clean = np.array([(n, n, n + 1, 60 + n, 80) for n in range(4)], NOTE_DTYPE)
    degraded = np.array(
        [(0, 0.5, 1, 60, 80), (9, 1, 2, 61, 80), (2, 2, 3, 63, 80), (3, 3, 4, 63, 20)], NOTE_DTYPE
    )
    found = find_mistakes(clean, degraded)
    assert found.correct.tolist() == degraded[[0, 3]].tolist()
    assert found.extra.tolist() == degraded[[1, 2]].tolist()
    assert found.missed.tolist() == clean[[1, 2]].tolist()


def test_an_undamaged_performance_has_no_mistakes() -> None:
    clean = np.array([(n, n, n + 1, 60 + n, 80) for n in range(4)], NOTE_DTYPE)
    found = find_mistakes(clean, clean)
    assert (len(found.extra), len(found.missed), len(found.correct)) == (0, 0, 4)
