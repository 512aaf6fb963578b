from collections.abc import Callable

import numpy as np
import pytest

from degradation.dynamics import VoicingLoss, find_melody_and_accompaniment
from degradation.edits import apply_edits
from degradation.notes import Performance
from degradation.seeds import stream

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]


@pytest.fixture
def song(assemble: Assemble) -> Performance:
    """Sixteen chords of four notes: a melody of velocity 80 over an accompaniment of 55."""
    return assemble(
        [
            (0.6 * n, 0.6 * n + 0.5, pitch, 80 if pitch == 76 else 55)
            for n in range(16)
            for pitch in (48, 55, 60, 76)
        ]
    )


def after(clean: Performance, loss_velocity: float, seed: int = 0) -> Performance:
    operation = VoicingLoss(loss_velocity=loss_velocity)
    return apply_edits(clean, operation.draw(clean, stream(seed, "voicing")))


@pytest.mark.parametrize("loss_velocity", [1.8, 3.6, 28.8])
def test_the_melody_sinks_by_what_was_asked_for_and_the_mean_stays(
    song: Performance, loss_velocity: float
) -> None:
    melody = song.notes["pitch"] == 76
    sunk = []
    for seed in range(20):
        change = after(song, loss_velocity, seed).notes["velocity"].astype(int) - song.notes[
            "velocity"
        ].astype(int)
        sunk.append(change[~melody].mean() - change[melody].mean())
        assert abs(change.mean()) < 0.3
    assert np.mean(sunk) == pytest.approx(loss_velocity, abs=0.1)
    assert np.std(sunk) < 0.3


@pytest.mark.real_data
def test_melodies_sink_by_what_was_asked_for_in_real_windows(
    maestro_windows: list[Performance],
) -> None:
    sunk = []
    for at, clean in enumerate(maestro_windows):
        melody, accompaniment = find_melody_and_accompaniment(clean.notes)
        if melody.any() and accompaniment.any():
            velocity = after(clean, 14.4, at).notes["velocity"].astype(int)
            change = velocity - clean.notes["velocity"]
            sunk.append(change[accompaniment].mean() - change[melody].mean())
    assert len(sunk) > 80
    assert np.mean(sunk) == pytest.approx(14.4, abs=0.3)


def test_only_velocities_of_the_two_voices_change(compose: Compose) -> None:
    clean = compose(0)
    edits = VoicingLoss(loss_velocity=20).draw(clean, stream(0, "v"))
    damaged = apply_edits(clean, edits)
    kept = ["note_id", "onset_s", "offset_s", "pitch"]
    assert np.array_equal(damaged.notes[kept], clean.notes[kept])
    assert edits.pedal is None
    alone = ~np.any(find_melody_and_accompaniment(clean.notes), axis=0)
    assert alone.any()
    assert np.array_equal(damaged.notes["velocity"][alone], clean.notes["velocity"][alone])


def test_a_single_line_has_nothing_to_drown_in(assemble: Assemble) -> None:
    line = assemble([(0.5 * n, 0.5 * n + 0.45, 60 + n, 64) for n in range(12)])
    operation = VoicingLoss(loss_velocity=20)
    assert not operation.can_apply(line)
    assert np.array_equal(after(line, 20).notes, line.notes)
    assert operation.can_apply(assemble([(1.0, 2.0, 60, 64), (1.0, 2.0, 72, 64)]))


def test_a_greater_loss_never_lifts_the_melody(song: Performance) -> None:
    velocities = [after(song, loss).notes["velocity"].astype(int) for loss in (0, 2, 4, 8, 16)]
    melody = song.notes["pitch"] == 76
    assert (np.diff([v[melody] for v in velocities], axis=0) <= 0).all()
    assert (np.diff([v[~melody] for v in velocities], axis=0) >= 0).all()
