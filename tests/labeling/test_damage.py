from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest

from degradation.articulation import UnevenArticulation
from degradation.degrade import damage_notes
from degradation.dynamics import DynamicsCompression, VelocityRoughness, VoicingLoss
from degradation.edits import EDIT_DTYPE, Change, Edits, apply_edits
from degradation.notes import Performance
from degradation.operation import NoteOperation
from degradation.pedal import PedalBlur, PedalLag, PedalMissed
from degradation.phrasing import FlattenedPhrasing
from degradation.seeds import stream
from degradation.timing import ChordJitter, OnsetJitter, TempoDrift
from degradation.wrong_notes import Slips, WrongNotes
from labeling.damage import Damage, measure_damage

Assemble = Callable[..., Performance]
Compose = Callable[[int], Performance]


@pytest.fixture
def scale(assemble: Assemble) -> Performance:
    """Eight notes a second apart, velocities 40 to 110."""
    return assemble([(n, n + 0.5, 60 + n, 40 + 10 * n) for n in range(8)])


def after(clean: Performance, *edits: tuple[Change, int, float, float, int, int]) -> Damage:
    table = np.array(list(edits), dtype=EDIT_DTYPE)
    return measure_damage(clean, apply_edits(clean, Edits(notes=table)))


def test_nothing_done_measures_as_nothing(compose: Compose) -> None:
    clean = compose(0)
    measured = asdict(measure_damage(clean, clean))
    kept = ("velocity_spread_ratio", "loudness_shape_kept", "tempo_shape_kept")
    for name, value in measured.items():
        assert value == pytest.approx(1 if name in kept else 0, abs=1e-9), name


def test_jitter_is_the_root_mean_square_of_all_kept_notes(scale: Performance) -> None:
    shifts = [(Change.ALTERED, n, 0.03, 0.03, 0, 0) for n in (0, 3)]
    measured = after(scale, *shifts, (Change.ALTERED, 5, -0.02, 0, 0, 0))
    assert measured.jitter_ms == pytest.approx(np.sqrt((2 * 30**2 + 20**2) / 8))


def test_wrong_missed_and_extra_notes_are_shares_of_the_clean_ones(scale: Performance) -> None:
    measured = after(
        scale,
        (Change.ALTERED, 0, 0, 0, -1, 0),
        (Change.ALTERED, 1, 0, 0, 1, 0),
        (Change.MISSED, 2, 0, 0, 0, 0),
        *[(Change.EXTRA, 100 + n, 0.7 + n, 0.8 + n, 90, 64) for n in range(3)],
    )
    assert measured.wrong_note_share == pytest.approx(2 / 8)
    assert measured.missed_note_share == pytest.approx(1 / 8)
    assert measured.extra_note_share == pytest.approx(3 / 8)
    assert measured.jitter_ms == 0


def test_the_velocity_spread_is_that_of_the_notes_that_were_kept(scale: Performance) -> None:
    halved = [(Change.ALTERED, n, 0, 0, 0, 20 - 5 * n) for n in range(8) if n != 4]
    louder = (Change.EXTRA, 50, 0.6, 0.7, 90, 127)
    assert after(scale, *halved, louder).velocity_spread_ratio == pytest.approx(0.5, abs=0.05)


def test_where_there_is_nothing_to_measure_there_is_no_number(
    scale: Performance, assemble: Assemble
) -> None:
    gone = after(scale, *[(Change.MISSED, n, 0, 0, 0, 0) for n in range(8)])
    assert gone.missed_note_share == 1
    assert np.isnan(gone.jitter_ms)
    assert np.isnan(gone.velocity_spread_ratio)
    assert {name for name, value in asdict(gone).items() if not np.isnan(value)} == {
        "wrong_note_share",
        "missed_note_share",
        "extra_note_share",
    }
    level = assemble([(n, n + 0.5, 60, 64) for n in range(3)])
    assert np.isnan(after(level).velocity_spread_ratio)
    assert np.isnan(after(level).loudness_shape_kept)
    assert np.isnan(after(level).chord_jitter_ms), "no chord"
    assert np.isnan(after(level).voicing_loss_velocity), "no voices"
    assert np.isnan(after(level).pedal_lag_s)
    assert np.isnan(after(level).lost_lift_share)
    lone = assemble([(1.0, 2.0, 60, 64)])
    assert np.isnan(after(lone).tempo_change_share)
    assert np.isnan(after(lone).velocity_roughness)


def test_no_clean_notes_are_refused(assemble: Assemble) -> None:
    with pytest.raises(ValueError, match="clean has no notes"):
        measure_damage(assemble([]), assemble([]))


def test_notes_are_matched_by_id_and_not_by_their_place(scale: Performance) -> None:
    """The first note moves behind the second: neither becomes a wrong note."""
    measured = after(scale, (Change.ALTERED, 0, 1.2, 1.2, 0, 0))
    assert measured.wrong_note_share == 0
    assert measured.jitter_ms == pytest.approx(1200 / np.sqrt(8))


def measured_after(compose: Compose, *operations: NoteOperation, seeds: int = 30) -> list[Damage]:
    found = []
    for seed in range(seeds):
        clean = compose(seed)
        damaged = damage_notes(clean, operations, partial(stream, seed))
        found.append(measure_damage(clean, damaged.performance))
    return found


def mean(measured: list[Damage], name: str) -> float:
    return float(np.nanmean([getattr(one, name) for one in measured]))


def test_what_operations_ask_for_is_what_is_measured(compose: Compose) -> None:
    operations: list[NoteOperation] = [
        OnsetJitter(spread_s=0.03),
        WrongNotes(share=0.1, reach_semitones=3),
        DynamicsCompression(share=0.3),
    ]
    measured = measured_after(compose, *operations, seeds=40)
    jitter_ms = np.sqrt(np.mean([one.jitter_ms**2 for one in measured]))
    assert jitter_ms == pytest.approx(30, rel=0.05)
    assert np.mean([one.wrong_note_share for one in measured]) == pytest.approx(0.1, abs=0.02)
    assert np.mean([one.velocity_spread_ratio for one in measured]) == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize(
    ("operation", "name", "expected", "within"),
    [
        (ChordJitter(spread_s=0.03, apart_share=0.0), "local_jitter_ms", 30.0, 2.0),
        (ChordJitter(spread_s=0.03, apart_share=0.4), "local_jitter_ms", 29.0, 2.0),
        (ChordJitter(spread_s=0.03, apart_share=0.4), "chord_jitter_ms", 12.0, 1.0),
        (ChordJitter(spread_s=0.03, apart_share=0.0), "chord_jitter_ms", 0.0, 0.5),
        # Half a second of smoothing hides a tenth of waves of some seconds.
        (TempoDrift(share=0.12, timescale_s=4), "tempo_change_share", 0.108, 0.01),
        (TempoDrift(share=0.12, timescale_s=4), "chord_jitter_ms", 0.0, 3.0),
        (UnevenArticulation(spread_octaves=0.3), "articulation_spread_octaves", 0.3, 0.02),
        (VelocityRoughness(spread_velocity=7.2), "velocity_roughness", 7.2, 0.2),
        (VelocityRoughness(spread_velocity=7.2), "loudness_shape_kept", 1.0, 0.1),
        (VoicingLoss(loss_velocity=10), "voicing_loss_velocity", 10.0, 0.3),
        (VoicingLoss(loss_velocity=10), "velocity_roughness", 0.3, 0.3),
        (DynamicsCompression(share=0.4), "velocity_roughness", 0.3, 0.2),
        # The swells of this music last four seconds: partly, they are detail.
        (FlattenedPhrasing(share=0.4), "loudness_shape_kept", 0.72, 0.08),
        (FlattenedPhrasing(share=0.4), "tempo_shape_kept", 0.6, 0.05),
        (PedalLag(lag_s=0.044), "pedal_lag_s", 0.044, 0.001),
        (PedalLag(lag_s=0.044), "lost_lift_share", 0.0, 0.001),
        (PedalMissed(share=0.4), "lost_lift_share", 0.4, 0.03),
        (PedalBlur(share=0.4), "lost_lift_share", 0.4, 0.03),
    ],
)
def test_each_measurement_finds_what_its_operation_was_asked_for(
    compose: Compose, operation: NoteOperation, name: str, expected: float, within: float
) -> None:
    measured = measured_after(compose, operation)
    assert mean(measured, name) == pytest.approx(expected, abs=within)


def test_a_tempo_that_bends_is_no_jitter(compose: Compose) -> None:
    measured = measured_after(compose, TempoDrift(share=0.06, timescale_s=4))
    assert mean(measured, "jitter_ms") > 60
    assert mean(measured, "local_jitter_ms") < 15


def test_slips_are_counted_by_their_kind(compose: Compose) -> None:
    measured = measured_after(compose, Slips(share=0.2))
    assert mean(measured, "missed_note_share") == pytest.approx(0.08, abs=0.02)
    assert mean(measured, "extra_note_share") == pytest.approx(0.08, abs=0.02)
    assert mean(measured, "wrong_note_share") == pytest.approx(0.04, abs=0.02)


def test_the_pedal_is_late_only_beyond_the_notes_it_goes_with(compose: Compose) -> None:
    """Where time is bent, the pedal goes along: that is no lateness of the foot."""
    bent = measured_after(compose, TempoDrift(share=0.1, timescale_s=4))
    assert max(abs(one.pedal_lag_s) for one in bent) < 0.001
    late = measured_after(compose, TempoDrift(share=0.1, timescale_s=4), PedalLag(lag_s=0.05))
    assert mean(late, "pedal_lag_s") == pytest.approx(0.05, abs=0.002)


def test_a_pedal_that_cannot_be_followed_is_refused(compose: Compose) -> None:
    clean = compose(0)
    fewer = replace(clean, pedal=clean.pedal[:-1].copy())
    with pytest.raises(ValueError, match="moves 36 times and the damaged one 35; expected the"):
        measure_damage(clean, fewer)
