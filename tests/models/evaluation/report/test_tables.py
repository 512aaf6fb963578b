import dataclasses
from typing import Any

import pytest

from models.evaluation.report.document import Report
from models.evaluation.report.formats import number, percent, signed
from models.evaluation.report.tables import fusion_rows


def test_figures_have_a_true_minus_and_no_negative_zero() -> None:
    assert number(-1.25, 1) == "−1.2"
    assert number(-0.0004) == signed(-0.0004) == signed(0.0004) == "0.000"
    assert (signed(0.25, 2), signed(-0.25, 2)) == ("+0.25", "−0.25")
    assert percent(0.375) == "38 %"
    assert number(None) == signed(None) == percent(None) == number(float("nan")) == "–"


def some(report: Report, *names: str) -> Report:
    return dataclasses.replace(
        report, models=tuple(one for one in report.models if one.name in names)
    )


def test_a_figure_that_no_model_has_gets_no_row(report: Report) -> None:
    def labels(*names: str) -> set[str]:
        return {row.label for row in fusion_rows(some(report, *names))}

    assert not any("gate" in label or "attends" in label for label in labels("concat"))
    assert any("gate" in label for label in labels("gated", "concat"))
    assert any("attends" in label for label in labels("crossattn"))
    assert all(len(row.cells) == 3 for row in fusion_rows(report))
    assert fusion_rows(some(report)) == []


def diagnosed(report: Report, name: str, **figures: Any) -> Report:
    """The report with one model, whose kept epoch has other diagnostics."""
    (model,) = some(report, name).models
    kept = model.training.best
    kept = dataclasses.replace(kept, diagnostics=dataclasses.replace(kept.diagnostics, **figures))
    training = dataclasses.replace(model.training, epochs=(kept,))
    return dataclasses.replace(report, models=(dataclasses.replace(model, training=training),))


def test_zero_is_a_figure_and_not_a_gap(report: Report) -> None:
    changed = diagnosed(report, "concat", audio_share=0.0, shift_steps=0)
    cells = {row.label: row.cells for row in fusion_rows(changed)}
    assert cells["audio's share of the norm"] == ("0.000",)
    assert cells["audio is late by, in steps"] == ("0",)


@pytest.mark.parametrize(
    ("means", "spread", "between"),
    [((0.0, 1.0, 0.0, 1.0), 0.0, "0.500"), ((0.5, 0.5, 0.5, 0.5), 0.4, "0.000")],
)
def test_a_gate_that_picks_channels_differs_from_one_that_moves(
    report: Report, means: tuple[float, ...], spread: float, between: str
) -> None:
    changed = diagnosed(report, "gated", gate_mean=means, gate_spread=(spread,) * 4)
    cells = {row.label: row.cells for row in fusion_rows(changed)}
    assert cells["gate: mean over channels"] == ("0.500",)
    assert cells["gate: spread between channels"] == (between,)
    assert cells["gate: spread within a channel"] == (f"{spread:.3f}",)
