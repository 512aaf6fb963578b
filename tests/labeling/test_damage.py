from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from degradation.degrade import damage_notes
from degradation.dynamics import DynamicsCompression
from degradation.edits import EDIT_DTYPE, Change, Edits, apply_edits
from degradation.notes import Performance
from degradation.operation import NoteOperation
from degradation.pitch import WrongNotes
from degradation.seeds import stream
from degradation.timing import OnsetJitter
from labeling.damage import Damage, measure_damage

Assemble = Callable[..., Performance]
Compose = Callable[[int], Performance]


@pytest.fixture
def scale(assemble: Assemble) -> Performance:
    """Eight notes a second apart, velocities 40 to 110."""
    return assemble([(n, n + 0.5, 60 + n, 40 + 10 * n) for n in range(8)])


def after(clean: Performance, *edits: tuple[Change, int, float, float, int, int]) -> Damage:
    table = np.array(list(edits), dtype=EDIT_DTYPE)
    return measure_damage(clean.notes, apply_edits(clean, Edits(notes=table)).notes)


def test_nothing_done_measures_as_nothing(compose: Compose) -> None:
    clean = compose(0)
    assert measure_damage(clean.notes, clean.notes.copy()) == Damage(
        jitter_ms=0.0,
        wrong_note_share=0.0,
        missed_note_share=0.0,
        extra_note_share=0.0,
        velocity_spread_ratio=1.0,
    )


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
    level = assemble([(n, n + 0.5, 60, 64) for n in range(3)])
    assert np.isnan(after(level).velocity_spread_ratio)


def test_no_clean_notes_are_refused(assemble: Assemble) -> None:
    with pytest.raises(ValueError, match="clean has no notes"):
        measure_damage(assemble([]).notes, assemble([]).notes)


def test_notes_are_matched_by_id_and_not_by_their_place(scale: Performance) -> None:
    """The first note moves behind the second: neither becomes a wrong note."""
    measured = after(scale, (Change.ALTERED, 0, 1.2, 1.2, 0, 0))
    assert measured.wrong_note_share == 0
    assert measured.jitter_ms == pytest.approx(1200 / np.sqrt(8))


def test_what_operations_ask_for_is_what_is_measured(compose: Compose) -> None:
    operations: list[NoteOperation] = [
        OnsetJitter(spread_s=0.03),
        WrongNotes(share=0.1, reach_semitones=3),
        DynamicsCompression(share=0.3),
    ]
    measured = []
    for seed in range(40):
        clean = compose(seed)
        damaged = damage_notes(clean, operations, partial(stream, seed))
        measured.append(measure_damage(clean.notes, damaged.performance.notes))
    jitter_ms = np.sqrt(np.mean([one.jitter_ms**2 for one in measured]))
    assert jitter_ms == pytest.approx(30, rel=0.05)
    assert np.mean([one.wrong_note_share for one in measured]) == pytest.approx(0.1, abs=0.02)
    assert np.mean([one.velocity_spread_ratio for one in measured]) == pytest.approx(0.7, abs=0.01)
