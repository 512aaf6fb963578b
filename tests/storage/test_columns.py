from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from annotated_types import Le

from degradation.degrade import damage_notes, replay_notes
from degradation.edits import Edits, alter, apply_edits
from degradation.notes import PEDAL_DTYPE, Performance
from degradation.operation import Parameters
from degradation.operations import NoteDamage
from degradation.seeds import stream
from storage.columns import (
    EDITS,
    NOTES,
    PEDAL,
    PEDAL_EDITS,
    edit_rows,
    list_column,
    pedal_edit_rows,
    read_edits,
    read_performance,
)
from storage.midi import read_midi, write_midi

RandomPerformance = Callable[..., Performance]


def test_notes_and_pedal_come_back_as_they_were(random_performance: RandomPerformance) -> None:
    played = [random_performance(seed, notes=1 + 30 * seed) for seed in range(4)]
    no_pedal = np.zeros(0, dtype=PEDAL_DTYPE)
    notes = list_column([p.notes for p in played], NOTES)
    pedal = list_column([no_pedal, *(p.pedal for p in played[1:])], PEDAL)
    table = pa.table({"notes": notes, "pedal": pedal}).slice(1)  # offsets that don't begin at 0
    for expected, row_notes, row_pedal in zip(played[1:], *table.columns, strict=True):
        found = read_performance(row_notes, row_pedal)
        assert np.array_equal(found.notes, expected.notes)
        assert np.array_equal(found.pedal, expected.pedal)
    assert len(read_performance(notes[0], pedal[0]).pedal) == 0


def test_no_rows_are_a_column_too() -> None:
    assert list_column([], NOTES).type == NOTES
    assert len(list_column([], NOTES)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_edits_that_were_stored_do_the_same_again(
    random_performance: RandomPerformance, seed: int
) -> None:
    played = random_performance(seed)
    ids = played.notes["note_id"]
    rng = np.random.default_rng(seed)
    later = played.pedal.copy()
    later["time_s"] = np.minimum(later["time_s"] + 0.25, 10.0)
    made = {
        "onset_jitter": Edits(
            notes=alter(ids, onset_shift_s=rng.normal(0, 0.05, len(ids))), pedal=later
        ),
        "dynamics": Edits(notes=alter(ids, velocity_shift=1 - (played.notes["velocity"] > 64) * 2)),
        "nothing": Edits(),
        "no_pedal": Edits(pedal=np.zeros(0, dtype=PEDAL_DTYPE)),
    }
    table = pa.table(
        {
            "edits": pa.array([edit_rows(made)], type=EDITS),
            "pedal_edits": pa.array([pedal_edit_rows(made)], type=PEDAL_EDITS),
        }
    )
    (row,) = table.to_pylist()
    stored = read_edits(list(made), row["edits"], row["pedal_edits"])
    for expected, found in zip(made.values(), stored, strict=True):
        assert np.array_equal(found.notes, expected.notes)
        assert (found.pedal is None) == (expected.pedal is None)
        again, before = apply_edits(played, found), apply_edits(played, expected)
        assert np.array_equal(again.notes, before.notes)
        assert np.array_equal(again.pedal, before.pedal)


def strongest(kind: type[Parameters]) -> Any:
    """An operation with every number as large as it may be."""
    bounds = {
        name: bound.le
        for name, field in kind.model_fields.items()
        for bound in field.metadata
        if isinstance(bound, Le)
    }
    return kind.model_validate(bounds)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", get_args(NoteDamage))
def test_what_every_operation_did_is_replayed_byte_for_byte(
    random_performance: RandomPerformance, kind: type[Parameters], seed: int
) -> None:
    clean, operation = random_performance(seed), strongest(kind)
    made = damage_notes(clean, [operation], partial(stream, seed))
    table = pa.table(
        {
            "edits": pa.array([edit_rows(made.edits)], type=EDITS),
            "pedal_edits": pa.array([pedal_edit_rows(made.edits)], type=PEDAL_EDITS),
        }
    )
    (row,) = table.to_pylist()
    stored = read_edits([operation.operation], row["edits"], row["pedal_edits"])
    again = replay_notes(clean, stored)
    assert write_midi(again) == write_midi(made.performance)
    assert write_midi(again) != write_midi(clean), "nothing was done"
    read = read_midi(write_midi(again), "again.mid")
    assert np.array_equal(read.notes["onset_s"], again.notes["onset_s"]), "off the grid"
    assert np.array_equal(np.sort(read.pedal["time_s"]), np.sort(again.pedal["time_s"]))
