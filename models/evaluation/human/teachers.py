"""Functions and models beside piano teachers' ratings of whole recordings."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.melody_bass import EVENT_GAP_S, chord_onsets
from degradation.notes import Performance
from degradation.render import Instrument, render
from degradation.seeds import stream
from labeling.functions import LABELING_FUNCTIONS
from labeling.functions.reading import Abstention
from labeling.functions.timing import tempo_instability
from labeling.measures import velocity
from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment
from models.evaluation.agreement.resampling import FEWEST_FOR_INTERVAL
from models.evaluation.human.document import Grader, TeacherValidation
from models.evaluation.human.grading import grade_clips
from models.evaluation.human.rating_agreement import correlate
from models.evaluation.human.training_overlap import find_overlap
from models.evaluation.report.environment import ReportPaths, page_environment, write_report
from models.inference.trained_model import TrainedModel
from models.take_grader.document import NAME, installed_grader
from models.take_grader.grade import grade_takes
from storage.corpus import CorpusConfig
from storage.teachers import RatedRecording, RatedRecordings

FloatArray = NDArray[np.float64]

SEED = 0


def compare_with_teachers(
    rated: RatedRecordings,
    models: Mapping[Experiment, TrainedModel],
    known: Iterable[tuple[str, Performance]],
    corpus: CorpusConfig,
    instrument: Instrument,
    *,
    recipe: str,
) -> TeacherValidation:
    """Return how graders agree with the teachers' mean rating, pooled and within each piece.

    Graders are the labeling functions' scores, every model's eight and the installed take
    grader's, each for the whole recording, the sound of which is rendered with `instrument`; and
    one of three plain numbers. A teacher beside the mean of the others is the ceiling. Raises
    UserError when a recording is among the performances `known` to the models: they were trained
    on it, or chosen by it.
    """
    recordings = rated.recordings
    if overlap := sorted(find_overlap(recordings, known)):
        raise UserError(
            f"{len(overlap)} of the rated recordings are in the corpus that the models were "
            f"trained on or chosen by, {overlap[0]} for one; expected none: judge with others"
        )
    ratings = np.stack([each.ratings for each in recordings])
    mean, pieces = np.nanmean(ratings, axis=1), [each.piece for each in recordings]

    def judge(name: str, kind: str, values: FloatArray, against: FloatArray) -> Grader:
        rng = stream(SEED, "teachers", kind, name)
        known_rating = np.where(np.isnan(against), np.nan, values)
        pooled, within = correlate(known_rating, np.nan_to_num(against), pieces, rng)
        return Grader(name=name, kind=kind, pooled=pooled, within=within)

    teachers = tuple(
        judge(name, "teacher", ratings[:, at], _mean_of_others(ratings, at))
        for at, name in enumerate(rated.teachers)
    )
    graders = [judge("three plain numbers", "plain", three_numbers(recordings), mean)]
    scores = np.array(
        [_function_scores(each.performance, instrument) for each in recordings], np.float64
    )
    graders += [
        judge(function.name, "function", values, mean)
        for function, values in zip(LABELING_FUNCTIONS, scores.T, strict=True)
    ]
    for model, graded in grade_clips(recordings, models, corpus, instrument).items():
        graders += [
            judge(dimension, model, values, mean)
            for dimension, values in zip(DIMENSIONS, graded.T, strict=True)
        ]
    taken = grade_takes(installed_grader(), (each.performance for each in recordings))
    graders += [judge(dimension, NAME, values, mean) for dimension, values in taken.items()]
    counts = {piece: pieces.count(piece) for piece in sorted(set(pieces))}
    return TeacherValidation(
        recipe=recipe,
        recordings=counts,
        quarantine=rated.faults,
        teachers=teachers,
        graders=tuple(graders),
    )


def _mean_of_others(ratings: FloatArray, at: int) -> FloatArray:
    """Return the other teachers' mean, (recordings,); NaN where none rated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of recordings that one alone rated
        mean: FloatArray = np.nanmean(np.delete(ratings, at, axis=1), axis=1)
    return mean


def three_numbers(recordings: Iterable[RatedRecording]) -> FloatArray:
    """Return a grade of three numbers with equal weights, as z-scores over the recordings, (n,).

    Beat lengths that vary little, a short longest gap between onsets (log), velocities that vary
    much. Nothing is trained, so what does not beat it has learnt nothing of use here.
    """
    measured = np.array([_three(each.performance) for each in recordings])
    middle = np.nanmean(measured, axis=0)
    known = np.where(np.isnan(measured), middle, measured)
    spread = known.std(axis=0)
    z_scores = (known - known.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return np.asarray(z_scores @ np.array([-1.0, -1.0, 1.0]))


def _three(performance: Performance) -> tuple[float, float, float]:
    unsteady = tempo_instability(performance, None)
    gaps_s = np.diff(chord_onsets(performance.notes["onset_s"], EVENT_GAP_S))
    return (
        float("nan") if isinstance(unsteady, Abstention) else unsteady,
        float(np.log(gaps_s.max())) if len(gaps_s) else float("nan"),
        float(velocity(performance).std()),
    )


def _function_scores(performance: Performance, instrument: Instrument) -> list[float | None]:
    sound = render(performance, instrument)
    return [function(performance, sound).score for function in LABELING_FUNCTIONS]


def write_teacher_validation(found: TeacherValidation, folder: Path) -> ReportPaths:
    """Write `teacher_validation.html` and `.json` to `folder` and return where they lie."""
    template = page_environment().get_template("teachers.html.j2")
    page = template.render(found=found, fewest=FEWEST_FOR_INTERVAL)
    return write_report(found, page, folder, "teacher_validation")
