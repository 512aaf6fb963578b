from collections.abc import Callable

import numpy as np

from degradation.melody_bass import chord_of, chord_onsets, find_bass, find_melody
from degradation.notes import Performance

Assemble = Callable[..., Performance]


def test_notes_within_thirty_milliseconds_of_the_one_before_are_a_chord() -> None:
    onset_s = np.array([0.0, 0.02, 0.045, 0.2, 0.24, 0.25])
    assert chord_of(onset_s).tolist() == [0, 0, 0, 1, 2, 2]
    assert chord_onsets(onset_s).tolist() == [0.0, 0.2, 0.24]
    assert len(chord_of(onset_s[:0])) == len(chord_onsets(onset_s[:0])) == 0


def test_a_chord_has_its_melody_on_top_and_its_bass_below(assemble: Assemble) -> None:
    notes = assemble([(0.01, 1, 48, 60), (0.0, 1, 76, 60), (0.02, 1, 55, 60)]).notes
    assert notes["pitch"][find_melody(notes)].tolist() == [76]
    assert notes["pitch"][find_bass(notes)].tolist() == [48]


def test_what_is_struck_under_a_held_tone_is_no_melody(assemble: Assemble) -> None:
    """An accompaniment runs under a melody that is held: its notes are inside."""
    running = [(0.2 * n, 0.2 * n + 0.2, 60 + n, 50) for n in range(1, 5)]
    notes = assemble([(0.0, 2.0, 79, 80), (0.0, 2.0, 40, 60), *running]).notes
    assert notes["pitch"][find_melody(notes)].tolist() == [79]
    assert notes["pitch"][find_bass(notes)].tolist() == [40]


def test_a_single_line_is_melody_up_and_down_and_legato(assemble: Assemble) -> None:
    line = [(0.2 * n, 0.2 * n + 0.23, pitch, 60) for n, pitch in enumerate((60, 64, 67, 64, 60))]
    notes = assemble(line).notes
    assert find_melody(notes).all()
    assert find_bass(notes).all()
