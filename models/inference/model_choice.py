"""Which trained model grades: the best of those that read what is given. Imports no torch."""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, MODALITIES, MODALITY_WORDS, Experiment, Modality
from models.metrics import mean_over_dimensions
from models.skill import LEAST_R, Skill, Skills, find_unskilled
from models.take_grader.document import NAME
from models.training.result import TrainingResult, is_trained, read_result


def best_model(validation_r: Mapping[Experiment, Sequence[float]]) -> Experiment:
    """Return the best experiment: the one rule of grading, reports and transcription.

    It has the highest mean over the dimensions of Pearson's r on the validation split, in the epoch
    whose weights were kept. `validation_r` holds r of each dimension by experiment. The first of
    equals is the best; undefined r comes last.
    """

    def rank(name: Experiment) -> float:
        mean = mean_over_dimensions(np.asarray(validation_r[name], np.float64))
        return -np.inf if np.isnan(mean) else mean

    return max(validation_r, key=rank)


class ModelChoice:
    """The finished trainings of a recipe, and which of them grades what."""

    def __init__(self, folders: Mapping[Experiment, Path], only: str | None = None) -> None:
        """Look for finished trainings in `folders`; with `only`, no other experiment is chosen.

        Raises UserError when there is no such model.
        """
        trained = [name for name in EXPERIMENTS if name in folders and is_trained(folders[name])]
        if only is not None and only not in trained:
            raise UserError(
                f"model {only} is not trained; expected one of {', '.join([NAME, *trained])}: "
                "choose one, or train it"
            )
        if not trained:
            raise UserError(
                "no model is trained for this corpus, recipe and experiment file; expected one of "
                f"{', '.join(EXPERIMENTS)}: train them (`pianograde demo`, or `run` on a corpus of "
                f"your own), or have {NAME}, which is installed, grade MIDI, or sound with "
                "--transcribe"
            )
        self.folders = {name: folders[name] for name in trained}
        self._candidates = [name for name in trained if only in (None, name)]

    def choose(self, given: frozenset[Modality], needed: frozenset[Modality]) -> Experiment:
        """Return the best model with skill whose inputs are exactly `given`.

        If there is none, return the best that reads at least one modality of `needed`. Raises
        UserError when there is no such model either, or none of those tells any dimension.
        """
        able = [name for name in self._candidates if MODALITIES[name] & needed]
        if not able:
            others: list[str] = [name for name in self.folders if MODALITIES[name] & needed]
            others += [NAME] if "midi" in needed else []
            unread = " and ".join(MODALITY_WORDS[modality] for modality in sorted(needed))
            raise UserError(
                f"{' and '.join(self._candidates)} cannot read {unread}; expected one of "
                f"{', '.join(others) or 'the models that can, none of which is trained'}: choose "
                "another model, or train one"
            )
        skills = {name: self.skills(name) for name in able}
        skilled = [name for name in able if len(find_unskilled(skills[name])) < len(skills[name])]
        if not skilled:
            raise UserError(
                f"{' and '.join(able)} cannot grade: on held-out clips no dimension's r reaches "
                f"{LEAST_R:g}; expected that in one at least: choose another model, or train "
                "longer, or on more performances"
            )
        fitting = [name for name in skilled if MODALITIES[name] == given] or skilled
        return best_model({name: [one.r for one in skills[name].values()] for name in fitting})

    def skills(self, name: Experiment) -> Skills:
        """Return what a model reached on pieces that it did not learn from."""
        with loading(self.folders[name]):
            return trained_skills(read_result(self.folders[name], TrainingResult))


def trained_skills(result: TrainingResult) -> Skills:
    """Return a trained model's skill by dimension, on the validation split."""
    best = result.best
    return {
        name: Skill(r=r, error_points=mae)
        for name, r, mae in zip(DIMENSIONS, best.val_r, best.val_mae, strict=True)
    }


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Refuse a model of an earlier release or from a broken disk: UserError with the way out."""
    try:
        yield
    except (OSError, KeyError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise UserError(
            f"model {folder.name} in {folder} cannot be loaded ({reason[:200]}); expected one that "
            "this release trained: train it again"
        ) from error
