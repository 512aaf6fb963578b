import dataclasses

from models.evaluation.criteria.judgement import evidence, judge_gates
from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.summary import summarise


def test_a_recipe_without_counterfactuals_has_the_first_gates_alone(
    evaluation: Evaluation,
) -> None:
    gates = judge_gates(summarise(evaluation))
    assert [gate.name for gate in gates] == [
        "every model has learnt something", "fusing pays",
        "the best fusion uses both modalities",
    ]  # fmt: skip
    assert [gate.passed for gate in gates] == [True, False, False]
    assert "at the label ceiling already" in gates[1].because[0]


def test_a_factored_recipe_is_judged_by_its_best_model(factored: Evaluation) -> None:
    gates = {gate.name: gate for gate in judge_gates(summarise(factored))}
    assert len(gates) == 9, "three of the audits"
    assert gates["fusing pays"].passed is None
    assert "3 compositions are too few to rule chance out" in gates["fusing pays"].found
    assert gates["grades follow each factor"].found.startswith("gated: 7 of 7")
    assert gates["each factor moves its own dimension most"].passed
    assert gates["grades do not follow the recording"].passed


def test_without_fusions_nothing_is_asked_of_them(factored: Evaluation) -> None:
    singles = dataclasses.replace(factored, outcomes=factored.outcomes[:2])
    summary = summarise(singles)
    gates = {gate.name: gate for gate in judge_gates(summary)}
    assert evidence(summary) is None
    assert gates["fusing pays"].passed is None
    assert "the best fusion uses both modalities" not in gates
    assert gates["grades follow each factor"].passed is False, "midi_only reads no pedal"


def test_the_evidence_is_that_of_the_best_fusion(factored: Evaluation) -> None:
    summary = summarise(factored)
    seen = evidence(summary)
    assert seen is not None
    assert seen.pair.fusion == "gated"
    assert seen.single_r["audio"] == summary.experiment("audio_only").agreement.mean_r
    assert seen.alone_r["midi"] == summary.experiment("gated").alone["midi"].mean_r
    assert seen.observable_r is not None
    assert (seen.kept_epoch, seen.last_epoch) == (5, 6)
