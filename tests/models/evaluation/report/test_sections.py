from models.evaluation.report.environment import page_environment
from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.report_json import report_json
from models.evaluation.report.sections import SECTIONS
from models.evaluation.report.summary import summarise

COUNTERFACTUAL = {"doses", "movement", "nuisance", "leaning"}


def test_every_section_has_a_template_and_a_name_of_its_own() -> None:
    for section in SECTIONS:
        assert page_environment().get_template(f"{section.id}.html.j2")
    assert len({section.id for section in SECTIONS}) == len(SECTIONS)


def test_a_tiered_recipe_has_no_counterfactual_sections_and_a_factored_one_has_all(
    evaluation: Evaluation, factored: Evaluation
) -> None:
    tiered, full = (report_json(summarise(one)) for one in (evaluation, factored))
    there = {section.id for section in SECTIONS if section.is_there(tiered)}
    assert there == {section.id for section in SECTIONS} - COUNTERFACTUAL - {
        "audits", "transcription"
    }  # fmt: skip
    assert all(section.is_there(full) for section in SECTIONS)


def test_without_twins_nothing_is_said_of_nuisance(factored: Evaluation) -> None:
    report = report_json(summarise(factored))
    report["counterfactual"]["labels"]["recording_invariance"] = None
    there = {section.id for section in SECTIONS if section.is_there(report)}
    assert there & COUNTERFACTUAL == COUNTERFACTUAL - {"nuisance"}
