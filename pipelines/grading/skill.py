"""How far a model's grades are to be trusted: what it reached on clips that are new to it."""

from dataclasses import dataclass

from degradation.errors import UserError
from models.config.experiment import Experiment
from models.document import read_document
from models.evaluation.report.document import Report
from models.training.result import TrainingResult, read_result
from pipelines.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """Mean r with the labels, and mean absolute error in points, on the clips of `split`."""

    r: float
    mae: float
    split: str


def model_skill(workspace: Workspace, recipe: str, experiment: Experiment) -> Skill:
    """Return what the report says of the model, or its validation if it was not reported since."""
    result = read_result(workspace.model_folder(recipe, experiment), TrainingResult)
    report_file = workspace.fetch(workspace.output(recipe, "evaluation")) / "report.json"
    try:
        report = read_document(report_file, Report)
    except (FileNotFoundError, UserError):
        report = None
    for one in report.models if report else ():
        if report and one.name == experiment and one.training.identity == result.identity:
            found = one.agreement
            return Skill(r=found.mean_r, mae=found.mean_mae, split=report.data.split)
    best = result.best
    return Skill(r=best.mean_r, mae=best.mean_mae, split="validation")
