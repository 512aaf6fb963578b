"""Dynamics: range follows compression exactly, roughness follows roughness alone."""

from dataclasses import replace

import numpy as np
import pytest

from degradation.notes import Performance
from degradation.seeds import stream
from labeling.functions.dynamics import (
    ALL_ALIKE,
    MIDI_VELOCITY_RANGE,
    MIDI_VELOCITY_SMOOTHING,
    velocity_range,
    velocity_roughness,
)

BOTH = pytest.mark.parametrize("measure", [velocity_range, velocity_roughness])


def with_velocity(performance: Performance, velocity: np.ndarray) -> Performance:
    notes = performance.notes.copy()
    notes["velocity"] = np.clip(np.rint(velocity), 1, 127)
    return replace(performance, notes=notes)


def compressed(performance: Performance, share: float) -> Performance:
    velocity = performance.notes["velocity"].astype(float)
    return with_velocity(performance, velocity.mean() + (1 - share) * (velocity - velocity.mean()))


def roughened(performance: Performance, spread: float, seed: int) -> Performance:
    velocity = performance.notes["velocity"].astype(float)
    noise = stream(seed, "roughness").normal(0, spread, len(velocity))
    return with_velocity(performance, velocity + noise)


@BOTH
def test_neither_transposition_nor_time_shift_nor_pedal_matters(measure, compose) -> None:
    performance = compose(0)
    notes = performance.notes.copy()
    notes["pitch"] -= 3
    notes["onset_s"] += 0.25
    notes["offset_s"] += 0.25
    moved = replace(performance, notes=notes, pedal=performance.pedal[:0])
    assert measure(moved, None) == pytest.approx(measure(performance, None), rel=1e-9)


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_range_shrinks_by_the_share_of_compression(share: float, compose) -> None:
    for seed in range(10):
        performance = compose(seed)
        whole, left = (
            velocity_range(p, None) for p in (performance, compressed(performance, share))
        )
        assert left == pytest.approx((1 - share) * whole, abs=1.0)  # rounded velocities
        assert (
            MIDI_VELOCITY_RANGE(compressed(performance, share), None).score
            < MIDI_VELOCITY_RANGE(performance, None).score
        )


def test_one_bang_does_not_widen_the_range(compose) -> None:
    performance = compose(0)
    velocity = performance.notes["velocity"].copy()
    velocity[3] = 127
    banged = velocity_range(with_velocity(performance, velocity), None)
    assert banged == pytest.approx(velocity_range(performance, None), abs=2.0)


def test_roughness_grows_with_rough_playing(compose) -> None:
    means = [
        np.mean([velocity_roughness(roughened(compose(s), spread, s), None) for s in range(10)])
        for spread in (0, 3, 6, 12)
    ]
    assert means == sorted(means)
    scores = [
        np.mean(
            [MIDI_VELOCITY_SMOOTHING(roughened(compose(s), r, s), None).score for s in range(10)]
        )
        for r in (0, 12)
    ]
    assert scores[0] > scores[1] + 10


def test_roughness_does_not_see_compression(compose) -> None:
    for seed in range(10):
        performance = compose(seed)
        assert velocity_roughness(compressed(performance, 0.3), None) == pytest.approx(
            velocity_roughness(performance, None), abs=0.05
        )


def test_a_shaped_line_is_smooth_and_shuffled_it_is_not(assemble) -> None:
    arc = (60 + 30 * np.sin(np.linspace(0, 3 * np.pi, 48))).astype(int)
    notes = [(0.2 * at, 0.2 * at + 0.19, 60 + at % 5, int(v)) for at, v in enumerate(arc)]
    shuffled = stream(0, "shuffle").permutation(arc)
    mixed = [
        (on, off, pitch, int(v)) for (on, off, pitch, _), v in zip(notes, shuffled, strict=True)
    ]
    assert velocity_roughness(assemble(notes), None) < 0.5
    assert velocity_roughness(assemble(mixed), None) > 0.9


def test_one_accent_a_bar_is_no_swell(assemble) -> None:
    """Accents of 40 above an even line widen the notes' range, and hardly that of the course."""
    even = [(0.15 * at, 0.15 * at + 0.14, 60 + at % 5, 60) for at in range(64)]
    accented = [
        (on, off, pitch, 100 if at % 8 == 0 else velocity)
        for at, (on, off, pitch, velocity) in enumerate(even)
    ]
    swell = [
        (on, off, pitch, int(80 - 20 * np.cos(2 * np.pi * at / 64)))
        for at, (on, off, pitch, _) in enumerate(even)
    ]
    assert velocity_range(assemble(accented), None) < 12
    assert velocity_range(assemble(swell), None) > 30


def test_notes_struck_alike_have_no_shape_but_a_range(compose) -> None:
    flat = with_velocity(compose(0), np.full(len(compose(0).notes), 64))
    assert velocity_roughness(flat, None) == ALL_ALIKE
    assert velocity_range(flat, None) == pytest.approx(0, abs=1e-9)
    assert MIDI_VELOCITY_RANGE(flat, None).score < 30
