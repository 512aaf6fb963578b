import dataclasses

import pytest

from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.fusion_figures import fusion_figures
from models.training.history import EpochRecord


@pytest.fixture
def gated(evaluation: Evaluation) -> EpochRecord:
    return next(o for o in evaluation.outcomes if o.training.experiment == "gated").training.best


def with_gate(record: EpochRecord, mean: tuple[float, ...], spread: float) -> EpochRecord:
    gate = {"gate_mean": mean, "gate_spread": (spread,) * len(mean)}
    return dataclasses.replace(
        record, diagnostics=dataclasses.replace(record.diagnostics, **gate)  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_gate_that_picks_channels_is_told_from_one_that_moves(gated: EpochRecord) -> None:
    picks = fusion_figures(with_gate(gated, (0.0, 1.0, 0.0, 1.0), 0.0), 100).gate
    moves = fusion_figures(with_gate(gated, (0.5, 0.5, 0.5, 0.5), 0.4), 100).gate
    assert picks is not None
    assert moves is not None
    assert (picks.mean, picks.between_channels, picks.within_channel) == (0.5, 0.5, 0)
    assert (moves.mean, moves.between_channels, moves.within_channel) == (0.5, 0, 0.4)


def test_a_shift_is_told_in_time_too(gated: EpochRecord) -> None:
    late = dataclasses.replace(gated.diagnostics, shift_steps=-3)
    found = fusion_figures(dataclasses.replace(gated, diagnostics=late), step_ms=40)
    assert (found.shift_steps, found.shift_ms) == (-3, -120)


def test_what_there_is_not_stays_away(gated: EpochRecord) -> None:
    without = dataclasses.replace(
        gated.diagnostics, gate_mean=None, gate_spread=None, shift_steps=None
    )
    found = fusion_figures(dataclasses.replace(gated, diagnostics=without), step_ms=40)
    assert found.gate is None
    assert found.shift_ms is None
