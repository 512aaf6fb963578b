import dataclasses
from dataclasses import asdict

import pytest

from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.formats import number, percent, signed
from models.evaluation.report.fusion_figures import fusion_figures
from models.evaluation.report.tables import fusion_rows, notes_lost, token_rows


def test_figures_have_a_true_minus_and_no_negative_zero() -> None:
    assert number(-1.25, 1) == "−1.2"
    assert number(-0.0004) == signed(-0.0004) == signed(0.0004) == "0.000"
    assert (signed(0.25, 2), signed(-0.25, 2)) == ("+0.25", "−0.25")
    assert percent(0.375) == "38 %"
    assert number(None) == signed(None) == percent(None) == "–"


def fusions(evaluation: Evaluation, *names: str) -> list[dict[str, object]]:
    return [
        {"fusion": asdict(fusion_figures(outcome.training.best, 100))}
        for name in names
        for outcome in evaluation.outcomes
        if outcome.training.experiment == name
    ]


def test_a_figure_that_no_model_has_gets_no_row(evaluation: Evaluation) -> None:
    def labels(*names: str) -> set[str]:
        return {row.label for row in fusion_rows(fusions(evaluation, *names))}

    assert not any("gate" in label or "asks" in label for label in labels("concat"))
    assert any("gate" in label for label in labels("gated", "concat"))
    assert any("asks" in label for label in labels("crossattn"))
    everything = fusion_rows(fusions(evaluation, "crossattn", "gated", "concat"))
    assert all(len(row.cells) == 3 for row in everything)
    assert fusion_rows([]) == []


def test_zero_is_a_figure_and_not_a_gap(evaluation: Evaluation) -> None:
    (fusion,) = fusions(evaluation, "concat")
    fusion["fusion"] |= {"audio_share": 0.0, "shift_steps": 0, "shift_ms": 0.0}  # type: ignore[operator]
    cells = {row.label: row.cells for row in fusion_rows([fusion])}
    assert cells["audio's share of the norm"] == ("0.000",)
    assert cells["audio is late by, in steps"] == cells["audio is late by, in ms"] == ("0",)


def test_tokenisers_stand_side_by_side_and_none_is_left_out(evaluation: Evaluation) -> None:
    audit = list(map(dataclasses.asdict, evaluation.token_audit.operations))
    rows = token_rows(audit)
    assert [(row.tier, row.operation) for row in rows] == [
        ("good", "onset_jitter"), ("poor", "wrong_notes"), ("poor", "dynamics_compression"),
    ]  # fmt: skip
    assert [one for name in ("performance", "octuple") for row in rows
            for one in [row.by_tokeniser[name]]] == audit  # fmt: skip
    assert rows[2].aspect == "nothing"


def test_what_changed_is_known_from_the_tokeniser_that_loses_nothing(
    evaluation: Evaluation,
) -> None:
    blank = {"aspect": None, "changed_notes": 0, "seen_share": None, "survival": None}
    audit = [
        {**row, **blank, "notes_lost": 7} if row["tokeniser"] == "performance" else row
        for row in map(dataclasses.asdict, evaluation.token_audit.operations)
    ]
    assert token_rows(audit)[0].aspect == "onset"
    assert token_rows(audit)[0].changed_notes == pytest.approx(18_111)
    assert notes_lost(audit) == {"performance": 21, "octuple": 0}
