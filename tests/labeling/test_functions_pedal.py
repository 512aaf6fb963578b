"""Pedal: half-pedalling is not missed nor over-counted, late and absent lifts are heard."""

from dataclasses import replace

import numpy as np
import pytest

from degradation.notes import SOFT, Performance, snap
from labeling.functions.pedal import (
    FEW_LIFTS,
    MIDI_PEDAL_COHERENCE,
    MIDI_PEDAL_TIMING,
    NO_PEDAL,
    late_lift,
    pedal_blur,
    pedal_spans,
    sounding_until,
)

BOTH = pytest.mark.parametrize("measure", [pedal_blur, late_lift])


def lagging(performance: Performance, lag_s: float) -> Performance:
    pedal = performance.pedal.copy()
    pedal["time_s"] = snap(pedal["time_s"] + lag_s)
    return replace(performance, pedal=pedal[pedal["time_s"] < performance.duration_s])


def without_lifts(performance: Performance, keep_every: int) -> Performance:
    """Leave out every lift (and the press after it) but one in `keep_every`."""
    pedal = performance.pedal
    kept = np.arange(len(pedal)) // 2 % keep_every == 0
    return replace(performance, pedal=pedal[kept])


def test_a_foot_that_trembles_near_the_middle_makes_no_changes(assemble) -> None:
    trembling = [(0.1 * at, 66 - 4 * (at % 2)) for at in range(1, 40)]
    performance = assemble([(1.0, 2.0, 60, 64)], [*trembling, (5.0, 20), (6.0, 50)])
    assert pedal_spans(performance.pedal, 10.0).tolist() == [[0.2, 5.0]]


@pytest.mark.parametrize("deepest", [20, 63])
def test_a_pedal_that_never_goes_down_is_none(deepest: int, assemble) -> None:
    performance = assemble([(1.0, 2.0, 60, 64)], [(1.0, deepest), (2.0, 0)])
    assert len(pedal_spans(performance.pedal, 10.0)) == 0


def test_a_pedal_held_to_the_end_spans_to_the_end(assemble) -> None:
    performance = assemble([(1.0, 2.0, 60, 64)], [(0.0, 127)])
    assert pedal_spans(performance.pedal, 10.0).tolist() == [[0.0, 10.0]]


def test_a_note_sounds_to_the_lift_or_until_its_key_is_struck_again(assemble) -> None:
    notes = [(1.0, 1.5, 60, 64), (2.0, 2.5, 62, 64), (3.0, 3.5, 60, 64), (4.5, 5.5, 64, 64)]
    performance = assemble(notes, [(0.5, 127), (5.0, 0)])
    until_s = sounding_until(performance.notes, pedal_spans(performance.pedal, 10.0))
    assert until_s.tolist() == [3.0, 5.0, 5.0, 5.5]


@BOTH
def test_without_a_sustain_pedal_there_is_nothing_to_judge(measure, compose) -> None:
    performance = compose(0)
    soft_only = performance.pedal.copy()
    soft_only["controller"] = SOFT
    assert measure(replace(performance, pedal=performance.pedal[:0]), None) == NO_PEDAL
    assert measure(replace(performance, pedal=soft_only), None) == NO_PEDAL


def test_one_long_pedal_has_no_lifts_to_time_but_blurs(compose) -> None:
    performance = without_lifts(compose(0), 100)
    assert late_lift(performance, None) == FEW_LIFTS
    assert pedal_blur(performance, None) > pedal_blur(compose(0), None)


def test_fewer_lifts_blur_more(compose) -> None:
    scores = [
        np.mean(
            [MIDI_PEDAL_COHERENCE(without_lifts(compose(s), every), None).score for s in range(10)]
        )
        for every in (1, 3, 6)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] + 5


def test_a_pedal_under_one_harmony_does_not_blur(assemble) -> None:
    arpeggio = [(0.25 * at, 0.25 * at + 0.2, 48 + 12 * (at % 3), 64) for at in range(32)]
    scale = [(0.25 * at, 0.25 * at + 0.2, 48 + at, 64) for at in range(32)]
    held = [(0.0, 127)]
    assert pedal_blur(assemble(arpeggio, held), None) == pytest.approx(0, abs=1e-9)
    assert pedal_blur(assemble(scale, held), None) > 0.2


def test_later_lifts_score_lower(compose) -> None:
    """Of the chords alone: a later lift comes with a later press, which a melody would notice."""

    def chords(seed: int) -> Performance:
        performance = compose(seed)
        return replace(performance, notes=performance.notes[performance.notes["pitch"] < 64].copy())

    scores = [
        np.mean([MIDI_PEDAL_TIMING(lagging(chords(s), lag_s), None).score for s in range(10)])
        for lag_s in (0, 0.05, 0.1, 0.2)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] + 1


def test_old_tones_count_for_as_long_as_they_clash(assemble) -> None:
    """A semitone, then an octave, is held 0.4 s into the next note by the pedal."""

    def alternating(step: int) -> Performance:
        notes = [(0.5 * at, 0.5 * at + 0.4, 60 + step * (at % 2), 64) for at in range(18)]
        pedal = [(0.5 * at + wait, depth) for at in range(18) for wait, depth in ((0.4, 0),)]
        pedal += [(0.5 * at + 0.41, 127) for at in range(18)]
        # Down just after each release is due, up 0.4 s into the next note.
        return assemble([(on, off + 0.05, *rest) for on, off, *rest in notes], sorted(pedal))

    clash, fit = (late_lift(alternating(step), None) for step in (1, 12))
    assert fit == 0
    assert 0.2 < clash < 0.4


def test_a_lift_with_each_chord_leaves_nothing_ringing(assemble) -> None:
    notes = [(0.5 * at, 0.5 * at + 0.4, 60 + at % 2, 64) for at in range(18)]
    pedal = [(0.5 * at + wait, depth) for at in range(18) for wait, depth in ((0.1, 127), (0.5, 0))]
    assert late_lift(assemble(notes, pedal), None) == 0


def test_transposing_leaves_the_timing_of_the_pedal_nearly_alone(compose) -> None:
    performance = compose(2)
    notes = performance.notes.copy()
    notes["pitch"] += 2
    moved = replace(lagging(performance, 0.1), notes=notes)
    assert late_lift(moved, None) == pytest.approx(
        late_lift(lagging(performance, 0.1), None), rel=0.05
    )
