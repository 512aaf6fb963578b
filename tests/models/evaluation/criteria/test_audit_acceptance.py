import dataclasses
import math

import pytest

from models.evaluation.criteria.audit_acceptance import audit_gates, mean_observable_r
from models.evaluation.report.evaluation import Evaluation


def test_verdicts_become_gates_with_their_reasons(factored: Evaluation) -> None:
    gates = audit_gates(factored.label_structure, factored.shortcut_audit)
    assert [gate.passed for gate in gates] == [True, None, False]
    assert gates[0].asks == "effective rank at least 4, its whole interval"
    assert gates[2].found.startswith("balanced accuracy above chance and control is 0.310")


def test_an_audit_that_was_not_made_has_no_gate(factored: Evaluation) -> None:
    assert audit_gates(None, None) == []
    assert len(audit_gates(factored.label_structure, None)) == 2
    assert len(audit_gates(None, factored.shortcut_audit)) == 1


def test_the_observable_ceiling_on_the_mean(factored: Evaluation) -> None:
    found = factored.label_structure
    assert found is not None
    assert mean_observable_r(found) == pytest.approx(0.935)
    assert mean_observable_r(None) is None
    assert mean_observable_r(dataclasses.replace(found, observable=())) is None
    unknown = dataclasses.replace(found.observable[0], r=math.nan)
    holed = dataclasses.replace(found, observable=(unknown, *found.observable[1:]))
    assert mean_observable_r(holed) == pytest.approx(0.94), "constant"
