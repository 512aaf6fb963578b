"""Operations on velocity: range, roughness and the balance of the melody."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degradation.dynamics import (
    DynamicsCompression,
    VelocityRoughness,
    VoicingLoss,
    compress,
    find_melody_and_accompaniment,
)
from degradation.edits import apply_edits
from degradation.factored import FactoredRecipe
from degradation.notes import Performance
from degradation.seeds import stream

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]

velocities = st.lists(st.integers(1, 127), min_size=1, max_size=200).map(
    lambda found: np.array(found, dtype=np.uint8)
)


@given(velocities, st.floats(0, 1))
def test_the_spread_ratio_is_exact_before_rounding(velocity: np.ndarray, share: float) -> None:
    compressed = compress(velocity, share)
    assert compressed.std() == pytest.approx((1 - share) * velocity.std(), rel=1e-9, abs=1e-9)
    assert compressed.mean() == pytest.approx(velocity.mean())


@given(velocities, st.floats(0, 1))
def test_velocities_stay_in_range_and_in_order(velocity: np.ndarray, share: float) -> None:
    rounded = np.rint(compress(velocity, share))
    assert rounded.min() >= velocity.min()
    assert rounded.max() <= velocity.max()
    assert (np.diff(rounded[np.argsort(velocity, kind="stable")]) >= 0).all()


def spread_ratio(clean: Performance, share: float) -> float:
    edits = DynamicsCompression(share=share).draw(clean, stream(0, "unused"))
    after = apply_edits(clean, edits).notes["velocity"]
    return float(after.std() / clean.notes["velocity"].std())


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_the_spread_ratio_is_close_after_rounding(corpus: list[Performance], share: float) -> None:
    for clean in corpus:
        assert spread_ratio(clean, share) == pytest.approx(1 - share, abs=0.01)


@pytest.mark.real_data
@pytest.mark.parametrize("share", [0.3, 0.5])
def test_the_spread_ratio_is_close_on_real_windows(
    maestro_windows: list[Performance], share: float
) -> None:
    dense = [window for window in maestro_windows if len(window.notes) >= 20]
    ratios = [spread_ratio(window, share) for window in dense]
    assert np.mean(ratios) == pytest.approx(1 - share, abs=0.005)
    assert np.abs(np.array(ratios) - (1 - share)).max() < 0.05


def test_full_compression_leaves_one_velocity(compose: Compose) -> None:
    clean = compose(0)
    edits = DynamicsCompression(share=1).draw(clean, stream(0, "unused"))
    assert len(np.unique(apply_edits(clean, edits).notes["velocity"])) == 1


def test_only_the_velocity_changes(compose: Compose) -> None:
    clean = compose(1)
    edits = DynamicsCompression(share=0.5).draw(clean, stream(0, "unused"))
    damaged = apply_edits(clean, edits)
    kept = ["note_id", "onset_s", "offset_s", "pitch"]
    assert np.array_equal(damaged.notes[kept], clean.notes[kept])
    assert np.array_equal(damaged.pedal, clean.pedal)


@pytest.mark.parametrize(
    ("velocity", "strikes"),
    [
        ((60, 61, 62), False),
        ((60, 64), False),
        ((64, 64, 64), False),
        ((56, 66), True),
        ((), False),
    ],
)
def test_what_rounding_takes_back_is_no_strike(
    assemble: Assemble, factored: FactoredRecipe, velocity: tuple[int, ...], strikes: bool
) -> None:
    clean = assemble([(n, n + 0.5, 60, each) for n, each in enumerate(velocity)])
    factor = factored.factors["dynamic_range"]
    assert factor.can_apply(clean) == strikes
    for severity_jnd in (1.0, 2.0, 4.0, 8.0):
        (operation,) = factor.at(severity_jnd)
        edits = operation.draw(clean, stream(0, "unused"))
        assert not strikes or edits, "damage is claimed, and none is done"


def test_one_note_and_equal_notes_stay(assemble: Assemble) -> None:
    for count in (1, 5):
        clean = assemble([(n, n + 0.5, 60, 100) for n in range(count)])
        edits = DynamicsCompression(share=0.7).draw(clean, stream(0, "unused"))
        assert np.array_equal(apply_edits(clean, edits).notes, clean.notes)


def changes(clean: Performance, spread_velocity: float, seed: int = 0) -> np.ndarray:
    operation = VelocityRoughness(spread_velocity=spread_velocity)
    damaged = apply_edits(clean, operation.draw(clean, stream(seed, "roughness")))
    assert np.array_equal(damaged.notes["note_id"], clean.notes["note_id"])
    return damaged.notes["velocity"].astype(int) - clean.notes["velocity"]


@pytest.mark.parametrize("spread_velocity", [3.6, 14.4])
def test_every_window_strays_by_the_spread_asked_for(
    corpus: list[Performance], spread_velocity: float
) -> None:
    for seed, clean in enumerate(corpus[:30]):
        found = changes(clean, spread_velocity, seed)
        assert np.sqrt(np.mean(found**2)) == pytest.approx(spread_velocity, rel=0.05)
        assert abs(found.mean()) < 3.3 * spread_velocity / np.sqrt(len(found))


def test_neighbours_stray_unlike_each_other(compose: Compose) -> None:
    found = np.concatenate([changes(compose(seed), 14.4, seed) for seed in range(40)])
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.06


@pytest.mark.parametrize("velocity", [1, 127])
def test_the_softest_and_the_loudest_stay_in_range_and_stray_as_far(
    assemble: Assemble, velocity: int
) -> None:
    clean = assemble([(0.1 * n, 0.1 * n + 0.05, 60, velocity) for n in range(90)])
    found = changes(clean, 20.0)
    assert (found * (1 if velocity == 1 else -1) >= 0).all()
    assert np.sqrt(np.mean(found**2.0)) == pytest.approx(20, rel=0.02)


def test_only_the_velocity_changes_of_roughness(compose: Compose) -> None:
    clean = compose(1)
    edits = VelocityRoughness(spread_velocity=20).draw(clean, stream(0, "r"))
    damaged = apply_edits(clean, edits)
    kept = ["note_id", "onset_s", "offset_s", "pitch"]
    assert np.array_equal(damaged.notes[kept], clean.notes[kept])
    assert edits.pedal is None


def test_strays_grow_in_proportion(assemble: Assemble) -> None:
    clean = assemble([(0.1 * n, 0.1 * n + 0.05, 60, 64) for n in range(90)])
    assert np.abs(changes(clean, 10) - 2 * changes(clean, 5)).max() <= 1


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
