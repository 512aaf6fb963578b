"""Graders beside teachers: who agrees with whom, the ceiling, and what may not be judged by."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from degradation.edits import apply_edits
from degradation.errors import UserError
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, Performance
from degradation.recipe import load_recipe
from degradation.render import Instrument
from degradation.seeds import stream
from degradation.timing import OnsetJitter
from labeling.functions import LABELING_FUNCTIONS
from labeling.scores import DIMENSIONS
from models.document import read_document
from models.evaluation.human.document import TeacherValidation
from models.evaluation.human.teachers import (
    compare_with_teachers,
    three_numbers,
    write_teacher_validation,
)
from storage.corpus import load_corpus_config
from storage.teachers import RatedRecording, RatedRecordings, read_teachers

CONFIGS = Path(__file__).parents[4] / "configs"
CORPUS = load_corpus_config(CONFIGS / "corpus.yaml")


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    """The piano of phase2."""
    return load_recipe(CONFIGS / "recipes" / "phase2.yaml").instruments[0]


def study(seed: int, loudness: int) -> Performance:
    """Forty notes, two a second, in an order of their own."""
    rng = stream(seed, "study")
    notes = np.zeros(40, dtype=NOTE_DTYPE)
    notes["note_id"], notes["pitch"] = np.arange(40), rng.integers(55, 80, 40)
    notes["onset_s"] = np.arange(40) / 2 + rng.uniform(0, 0.01, 40)
    notes["offset_s"] = notes["onset_s"] + 0.4
    notes["velocity"] = loudness + rng.integers(0, 12, 40)
    return Performance(notes=notes, pedal=np.zeros(0, dtype=PEDAL_DTYPE), duration_s=21.0)


@pytest.fixture(scope="module")
def rated() -> RatedRecordings:
    """Takes of six pieces that are the less even the worse they are rated; one teacher is deaf."""
    recordings = []
    for piece in range(6):
        for grade in range(1, 6):
            clean = study(piece, 40 + 5 * piece)
            uneven = OnsetJitter(spread_s=0.03 * (5 - grade))
            edits = uneven.draw(clean, stream(grade, str(piece)))
            deaf = float(stream(10 * piece + grade, "deaf").integers(1, 6))
            recordings.append(
                RatedRecording(
                    stem=f"{piece}-{grade}.mid",
                    piece=str(piece),
                    performance=apply_edits(clean, edits),
                    ratings=np.array([grade, min(grade + 1, 5), deaf]),
                )
            )
    teachers = ("teacher1", "teacher2", "teacher3")
    return RatedRecordings(recordings=tuple(recordings), teachers=teachers, faults=())


@pytest.fixture(scope="module")
def found(rated: RatedRecordings, instrument: Instrument) -> TeacherValidation:
    return compare_with_teachers(rated, {}, [], CORPUS, instrument, recipe="phase2")


def test_what_hears_unevenness_agrees_and_what_does_not_does_not(found: TeacherValidation) -> None:
    graders = {one.name: one for one in found.graders}
    assert found.plain.within.rho > 0.6
    assert found.plain.within.interval.low > 0
    assert graders["MIDITimingVariance"].within.rho > 0.5
    assert not graders["MIDIVelocityRange"].within.rho > 0, "alike in all takes of a piece"
    assert set(graders) - set(DIMENSIONS) == {
        "three plain numbers",
        *(each.name for each in LABELING_FUNCTIONS),
    }
    assert graders["rhythmic_stability"].kind == "take_grader"
    assert graders["rhythmic_stability"].within.rho > 0.5
    assert "pedal_technique" not in graders, "what it does not hear is not listed"


def test_a_teacher_is_beside_the_mean_of_the_others(found: TeacherValidation) -> None:
    first, second, deaf = found.teachers
    assert min(first.within.rho, second.within.rho) > 0.6
    assert abs(deaf.within.rho) < 0.45


def test_missing_ratings_are_left_out(rated: RatedRecordings, instrument: Instrument) -> None:
    some = [
        replace(one, ratings=np.where([at % 3 == 0, False, False], np.nan, one.ratings))
        for at, one in enumerate(rated.recordings)
    ]
    fewer = compare_with_teachers(
        replace(rated, recordings=tuple(some)), {}, [], CORPUS, instrument, recipe="phase2"
    )
    assert fewer.teachers[0].pooled.n == 20
    assert fewer.plain.pooled.n == 30


def test_recordings_that_models_know_are_refused_by_content(
    rated: RatedRecordings, instrument: Instrument
) -> None:
    known = [("renamed.mid", rated.recordings[7].performance)]
    with pytest.raises(UserError, match=r"trained on or chosen by, 1-.* for one; expected none"):
        compare_with_teachers(rated, {}, known, CORPUS, instrument, recipe="phase2")


def test_the_page_says_what_to_use(found: TeacherValidation, tmp_path: Path) -> None:
    paths = write_teacher_validation(found, tmp_path)
    assert read_document(paths.json, TeacherValidation).plain == found.plain
    page = paths.html.read_text()
    assert "take_grader" in page
    assert "95 % interval" in page, "six pieces carry one"


@pytest.mark.real_data
def test_three_numbers_beside_real_teachers(real_data: Path, instrument: Instrument) -> None:
    """Published with the ratings: .56 and .65 with another longest gap; here .53 and .61."""
    rated = read_teachers(real_data / "expert_novice_dev")
    assert len(rated.recordings) == 45
    assert not rated.faults
    assert len(three_numbers(rated.recordings)) == 45
    found = compare_with_teachers(rated, {}, [], CORPUS, instrument, recipe="phase2")
    assert found.plain.pooled.rho == pytest.approx(0.533, abs=0.01)
    assert found.plain.within.rho == pytest.approx(0.605, abs=0.01)
    assert max(one.within.rho for one in found.teachers) == pytest.approx(0.785, abs=0.01)
