"""Claims: every function has one, every dimension has one or says why not."""

import pytest

from labeling.functions import LABELING_FUNCTIONS
from labeling.scores import DIMENSIONS
from models.evaluation.human.hypotheses import (
    DESCRIBED,
    DIMENSION_CLAIMS,
    FUNCTION_CLAIMS,
    NO_CLAIM,
    Claim,
)
from storage.percepiano import SCALES


def test_every_function_and_dimension_is_spoken_for() -> None:
    assert list(FUNCTION_CLAIMS) == [function.name for function in LABELING_FUNCTIONS]
    assert tuple(DIMENSION_CLAIMS) == tuple(DESCRIBED) == DIMENSIONS
    silent = {dimension for dimension, claims in DIMENSION_CLAIMS.items() if not claims}
    assert silent == set(NO_CLAIM)


def test_no_scale_is_both_claimed_and_merely_described() -> None:
    for dimension, scales in DESCRIBED.items():
        assert set(scales) <= set(SCALES)
        assert not {claim.scale for claim in DIMENSION_CLAIMS[dimension]} & set(scales)


def test_a_scale_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'loudness' is no scale"):
        Claim("loudness", 1, "")
