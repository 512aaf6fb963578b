import math
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from models.training.pretraining.result import PretrainingEpoch, PretrainingResult
from pipelines.assets.pretraining import pretraining_lines
from pipelines.metadata import defined, epochs_metadata, records_metadata


def test_columns_are_those_of_all_rows() -> None:
    shown = records_metadata([{"epoch": 1}, {"epoch": 2, "r": 0.123456}])
    assert [column.name for column in shown.schema.columns] == ["epoch", "r"]
    assert [record.data for record in shown.records] == [
        {"epoch": 1, "r": ""},
        {"epoch": 2, "r": 0.1235},
    ]


PRETRAINED = PretrainingEpoch(
    epoch=1, train_loss=2.0, val_loss=2.1, val_cross_entropy={"pitch": 3.0},
    unigram_cross_entropy={"pitch": 3.6}, learning_rate=0.01, notes_per_s=1000.0, seconds=2.0,
)  # fmt: skip


def test_a_training_shows_every_figure_of_every_epoch() -> None:
    (row,) = epochs_metadata([PRETRAINED]).records
    assert set(row.data) == {"epoch", *PRETRAINED.curves()}


@pytest.mark.parametrize(("nats", "told"), [(3.0, False), (3.7, True)])
def test_an_encoder_that_learnt_nothing_is_told(nats: float, told: bool) -> None:
    epoch = replace(PRETRAINED, val_cross_entropy={"pitch": nats})
    result = PretrainingResult(
        identity="", checkpoint=Path("encoder.pt"), parameters=1, epochs=(epoch,)
    )
    assert ("too small to teach" in "\n".join(pretraining_lines(result))) == told


def test_a_figure_that_is_not_defined_is_none_and_not_nan() -> None:
    shown = dg.MaterializeResult(metadata={"r": defined(math.nan), "zero": defined(0.0)}).metadata
    assert shown == {"r": None, "zero": 0.0}
    (row,) = records_metadata([{"r": math.nan, "mae": 1.23456, "name": "gated"}]).records
    assert row.data == {"r": None, "mae": 1.2346, "name": "gated"}


def test_a_figure_is_rounded_and_a_small_one_keeps_its_digits() -> None:
    assert [defined(1.3388888888888888), defined(9.369221296335006e-05)] == [1.3389, 9.369e-05]
