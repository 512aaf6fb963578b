"""The laws that every tokeniser keeps."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_CONTROLLERS,
    PEDAL_DTYPE,
    PIANO_PITCHES,
    Performance,
    latest_onset,
    release_before_restrike,
    snap,
    sort_pedal,
)
from models.config.midi import TokenName
from models.tokens.tokeniser import Tokeniser
from models.tokens.tokenisers import TOKENISERS

LENGTH_S = 510.0
A_NOTE = st.tuples(
    st.one_of(st.floats(0, LENGTH_S), st.sampled_from([0.0, 0.015625, 1.0, 61.0])),
    st.one_of(st.floats(1e-4, 1.0), st.floats(1.0, LENGTH_S)),
    st.sampled_from(PIANO_PITCHES),
    st.integers(1, 127),
)
A_MOVE = st.tuples(st.floats(0, LENGTH_S), st.sampled_from(PEDAL_CONTROLLERS), st.integers(0, 127))


@st.composite
def performances(draw: st.DrawFn) -> Performance:
    rows = draw(st.lists(A_NOTE, max_size=30))
    notes = np.array(
        [(i, on, on + held, key, hit) for i, (on, held, key, hit) in enumerate(rows)], NOTE_DTYPE
    )
    notes["offset_s"] = np.minimum(notes["offset_s"], LENGTH_S)
    pedal = np.array(draw(st.lists(A_MOVE, max_size=10)), PEDAL_DTYPE)
    pedal["time_s"] = snap(pedal["time_s"])
    return Performance(
        notes=release_before_restrike(notes, latest_onset(LENGTH_S)),
        pedal=sort_pedal(pedal),
        duration_s=LENGTH_S,
    )


every_tokeniser = pytest.mark.parametrize("tokeniser", TOKENISERS.values(), ids=TOKENISERS)


def test_each_name_of_the_configuration_has_its_tokeniser() -> None:
    assert set(TOKENISERS) == set(get_args(TokenName))
    assert [tokeniser.name for tokeniser in TOKENISERS.values()] == list(TOKENISERS)


@every_tokeniser
@given(performance=performances())
def test_no_note_is_dropped_and_the_order_is_kept(
    tokeniser: Tokeniser, performance: Performance
) -> None:
    notes = performance.notes
    tokens = tokeniser.encode(performance)
    assert tokens.dtype == tokeniser.dtype
    decoded = tokeniser.decode(tokens)
    assert decoded["pitch"].tolist() == notes["pitch"].tolist()
    assert decoded["note_id"].tolist() == list(range(len(notes)))
    assert (np.diff(decoded["onset_s"]) >= 0).all()
    assert (decoded["offset_s"] >= decoded["onset_s"]).all()
    assert ((decoded["velocity"] >= 1) & (decoded["velocity"] <= 127)).all()


@every_tokeniser
@given(performance=performances())
def test_classes_lie_within_their_vocabulary(
    tokeniser: Tokeniser, performance: Performance
) -> None:
    classes = tokeniser.classes(tokeniser.encode(performance))
    assert classes.dtype == np.int64
    assert classes.shape == (len(performance.notes), len(tokeniser.vocabulary))
    assert (classes >= 0).all()
    assert (classes < list(tokeniser.vocabulary.values())).all()


@every_tokeniser
@given(performance=performances())
def test_the_same_notes_have_the_same_tokens(
    tokeniser: Tokeniser, performance: Performance
) -> None:
    again = Performance(
        notes=performance.notes.copy(), pedal=performance.pedal.copy(), duration_s=LENGTH_S
    )
    assert tokeniser.encode(performance).tobytes() == tokeniser.encode(again).tobytes()


@every_tokeniser
@given(performance=performances())
def test_what_decodes_survives_being_stored(tokeniser: Tokeniser, performance: Performance) -> None:
    tokens = tokeniser.encode(performance)
    stored = np.frombuffer(tokens.tobytes(), tokeniser.dtype)
    assert (tokeniser.decode(stored) == tokeniser.decode(tokens)).all()
    assert (tokeniser.classes(stored) == tokeniser.classes(tokens)).all()
