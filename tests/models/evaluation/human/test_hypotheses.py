"""Hypotheses: every function has one, every dimension has one or says why not."""

from labeling.functions import LABELING_FUNCTIONS
from labeling.measures import MEASURES
from labeling.scores import DIMENSIONS
from models.evaluation.human.hypotheses import (
    DIMENSION_HYPOTHESES,
    FUNCTION_HYPOTHESES,
    HEURISTICS,
    NO_HYPOTHESIS,
)
from storage.percepiano import SCALES


def test_every_function_and_dimension_has_a_hypothesis_or_says_why_not() -> None:
    assert list(FUNCTION_HYPOTHESES) == [function.name for function in LABELING_FUNCTIONS]
    assert not set(DIMENSION_HYPOTHESES) & set(NO_HYPOTHESIS)
    assert {*DIMENSION_HYPOTHESES, *NO_HYPOTHESIS} == set(DIMENSIONS)


def test_scales_and_measures_are_those_that_there_are() -> None:
    stated = [one for found in DIMENSION_HYPOTHESES.values() for one in found]
    for one in (*FUNCTION_HYPOTHESES.values(), *stated, *HEURISTICS):
        assert one.scale in SCALES
    assert {one.name for one in HEURISTICS} <= set(MEASURES)
