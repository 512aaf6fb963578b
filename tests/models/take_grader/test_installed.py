"""The grader that ships: what it must do with playing that anyone can judge."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.alterations import ALTERATIONS, FALL_POINTS, STILL_POINTS
from degradation.notes import Performance
from degradation.recipe import load_recipe
from degradation.seeds import stream
from labeling.measures import PLAIN
from labeling.scores import DIMENSIONS, OVERALL
from models.evaluation.human.rating_agreement import correlate
from models.evaluation.human.teachers import three_numbers
from models.take_grader.document import installed_grader
from models.take_grader.grade import grade_passages, grade_take
from models.take_grader.takes import FALLING, UNHEARD, passages
from pipelines.grading.wording import weakness
from storage.teachers import read_teachers
from tests.tools.test_easy_corpus import tune
from tools.demo_corpus.play import play_notes
from tools.easy_corpus.write import arrange, draw_player

AT = DIMENSIONS.index(OVERALL)
RECIPE = load_recipe(Path(__file__).parents[3] / "configs/recipes/lifelike.yaml")


@pytest.fixture(scope="module")
def take() -> Performance:
    """A simple tune over broken chords, played as well as the demo corpus's pianists play."""
    piece, notes = arrange(tune("Scale 1"))
    return play_notes(piece, notes, draw_player(piece), seed=0, rendition=1)


def overall(performance: Performance) -> float:
    return float(grade_take(installed_grader(), performance)[AT])


def altered(name: str, take: Performance) -> float:
    how = ALTERATIONS[name].notes
    assert how is not None
    return overall(how(take, stream(0, name)))


@pytest.mark.parametrize(
    "name",
    ["shuffled in 250-ms pieces", "all notes random", "onsets off by 100 ms"],
)
def test_playing_that_is_out_of_order_falls(take: Performance, name: str) -> None:
    assert altered(name, take) <= overall(take) - FALL_POINTS


@pytest.mark.parametrize(
    "name", ["onsets off by 10 ms", "onsets off by 30 ms", "a stop of 3 s", "half speed"]
)
def test_worse_playing_does_not_rise(take: Performance, name: str) -> None:
    assert altered(name, take) <= overall(take) + 0.1


@pytest.mark.parametrize("name", ["transposed by 3 semitones", "velocities a third lower"])
def test_what_is_no_fault_does_not_count(take: Performance, name: str) -> None:
    assert altered(name, take) == pytest.approx(overall(take), abs=STILL_POINTS)


def test_each_dimension_hears_what_was_chosen_and_in_that_direction() -> None:
    grader = installed_grader()
    assert {
        name: {curve.measure for curve in model.curves} for name, model in grader.dimensions.items()
    } == {name: set(falls) for name, falls in FALLING.items()}
    for name, falls in FALLING.items():
        for curve in grader.dimensions[name].curves:
            steps = np.diff(curve.adds)  # of severity: it rises where the score falls
            assert (steps >= 0).all() if falls[curve.measure] else (steps <= 0).all()
            assert curve.measure in PLAIN
    assert min(grader.overall_weights.values()) >= 0
    assert set(UNHEARD).isdisjoint(FALLING)


def test_a_long_take_is_graded_by_the_minute(take: Performance) -> None:
    assert passages(85.0) == [(0.0, 85.0)], "a little more than a minute stays whole"
    starts, lengths = zip(*passages(600.0), strict=True)
    assert (starts[0], starts[-1], set(lengths)) == (0.0, 540.0, {60.0})
    assert max(np.diff(starts)) <= 30
    assert np.isnan(grade_passages(installed_grader(), take, [(0.0, 0.5)])).all(), "too few notes"


@pytest.mark.real_data
def test_it_orders_amateurs_more_like_teachers_than_three_plain_numbers(real_data: Path) -> None:
    recordings = read_teachers(real_data / "expert_novice_dev").recordings
    rating = np.array([np.nanmean(one.ratings) for one in recordings])
    pieces = [one.piece for one in recordings]
    grades = np.array([overall(one.performance) for one in recordings])
    shipped, plain = (
        [found.rho for found in correlate(values, rating, pieces, stream(0, "test"))]
        for values in (grades, three_numbers(recordings))
    )
    assert shipped[0] > plain[0]
    assert shipped[1] > plain[1]
    stated = weakness("take_grader", RECIPE)
    assert f"rho = {shipped[0]:.2f}".replace("0.", ".") in stated, "what is said is measured"
    assert f"within a piece {shipped[1]:.2f}".replace("0.", ".") in stated
