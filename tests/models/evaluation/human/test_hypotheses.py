"""Hypotheses: every function has one, every dimension has one or says why not."""

import pytest

from labeling.functions import LABELING_FUNCTIONS
from labeling.scores import DIMENSIONS
from models.evaluation.human.hypotheses import (
    DESCRIBED,
    DIMENSION_HYPOTHESES,
    FUNCTION_HYPOTHESES,
    NO_HYPOTHESIS,
    Hypothesis,
)
from storage.percepiano import SCALES


def test_every_function_and_dimension_is_spoken_for() -> None:
    assert list(FUNCTION_HYPOTHESES) == [function.name for function in LABELING_FUNCTIONS]
    assert tuple(DIMENSION_HYPOTHESES) == tuple(DESCRIBED) == DIMENSIONS
    silent = {dimension for dimension, found in DIMENSION_HYPOTHESES.items() if not found}
    assert silent == set(NO_HYPOTHESIS)


def test_no_scale_has_a_hypothesis_and_is_merely_described() -> None:
    for dimension, scales in DESCRIBED.items():
        assert set(scales) <= set(SCALES)
        assert not {one.scale for one in DIMENSION_HYPOTHESES[dimension]} & set(scales)


def test_a_scale_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'loudness' is no scale"):
        Hypothesis("loudness", 1, "")
