"""Which models are trained, and where one that a user names lies."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from degradation.errors import UserError
from models.config.experiment import EXPERIMENTS
from models.document import read_document
from models.provenance import Provenance
from models.take_grader import document as take_grader
from models.take_grader.document import TakeGrader
from models.training.hearing.result import NAME as HEARING
from models.training.pretraining.result import NAME
from models.training.record import ModelRecord, read_record
from models.training.result import TrainingResult, find_best, is_trained, read_result
from pipelines.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished training of an experiment; `record` is None where this release cannot read one."""

    corpus: str
    recipe: str
    folder: Path
    result: TrainingResult
    record: ModelRecord | None

    def cells(self) -> dict[str, str]:
        """Return what is shown of it; r and MAE are means on the validation split."""
        return {
            "corpus": self.corpus,
            "recipe": self.recipe,
            "experiment file": self.folder.parent.name,
            "model": self.result.experiment,
            "r": f"{self.result.best.mean_r:.3f}",
            "MAE": f"{self.result.best.mean_mae:.2f}",
            "MB": f"{self.result.checkpoint.stat().st_size / 1e6:.1f}",
            **_made_cells(self.record.made if self.record else None),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A grader of whole takes: the installed one, or that of a corpus."""

    corpus: str
    file: Path
    grader: TakeGrader

    def cells(self) -> dict[str, str]:
        """Return what is shown of it; r and MAE are means on pieces not learnt from."""
        skills = self.grader.skill.values()
        return {
            "corpus": self.corpus,
            "recipe": self.grader.recipe,
            "experiment file": "-",
            "model": take_grader.NAME,
            "r": f"{np.nanmean([skill.r for skill in skills]):.3f}",
            "MAE": f"{np.nanmean([skill.error_points for skill in skills]):.2f}",
            "MB": f"{self.file.stat().st_size / 1e6:.2f}",
            **_made_cells(self.grader.made),
        }


def _made_cells(made: Provenance | None) -> dict[str, str]:
    commit = (made.commit if made else None) or "-"
    return {
        "trained": made.created_at[:16].replace("T", " ") if made else "-",
        "commit": commit[:10] + ("-dirty" if commit.endswith("-dirty") else ""),
    }


def installed() -> Fitted:
    """Return the grader that ships with the package."""
    return Fitted(
        corpus="installed", file=take_grader.INSTALLED, grader=take_grader.installed_grader()
    )


def fitted_here(workspace: Workspace) -> Fitted | None:
    """Return the grader of a corpus; None where there is none that this release can read."""
    file = workspace.fetch(workspace.take_grader_folder) / take_grader.FILE
    with suppress(FileNotFoundError, UserError):
        grader = read_document(file, TakeGrader)
        return Fitted(corpus=workspace.corpus.name, file=file, grader=grader)
    return None


def find_trained(workspace: Workspace, recipes: list[str]) -> Iterator[Trained]:
    """Yield the trained models of a corpus, those of other machines included."""
    for recipe in recipes:
        workspace.fetch(workspace.output(recipe, "models"))
        yield from trained_here(workspace, recipe)


def trained_here(workspace: Workspace, recipe: str) -> Iterator[Trained]:
    """Yield the models in the local folder; one that this release cannot read is left out."""
    folder = workspace.output(recipe, "models")
    for path in sorted(path for path in folder.glob("*/*") if is_trained(path)):
        with suppress(UserError):
            result = read_result(path, TrainingResult)
            yield Trained(
                corpus=workspace.corpus.name,
                recipe=recipe,
                folder=path,
                result=result,
                record=read_record(result.checkpoint),
            )


def named_folder(workspace: Workspace, recipe: str, model: str) -> Path:
    """Return the folder of an experiment's model, the pretrained encoder or the detector."""
    for experiment in EXPERIMENTS:
        if model == experiment:
            return workspace.fetch(workspace.model_folder(recipe, experiment))
    if model == NAME:
        return workspace.fetch(workspace.pretraining_folder)
    if model == HEARING:
        return workspace.fetch(workspace.hearing_folder(recipe))
    names = ", ".join((*EXPERIMENTS, NAME, HEARING, take_grader.NAME))
    raise UserError(
        f"no model is called {model}; expected one of {names}, or the "
        "folder of one: see `pianograde models`"
    )


def read_record_in(folder: Path) -> ModelRecord | None:
    """Return the record of the finished model in a folder; None without one."""
    return read_record(find_best(folder)) if is_trained(folder) else None
