from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degradation.dynamics import DynamicsCompression, compress
from degradation.edits import apply_edits, is_empty
from degradation.factored import FactoredRecipe
from degradation.notes import Performance
from degradation.seeds import stream

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]

velocities = st.lists(st.integers(1, 127), min_size=1, max_size=200).map(
    lambda found: np.array(found, dtype=np.uint8)
)


@given(velocities, st.floats(0, 1))
def test_the_spread_ratio_is_exact_before_rounding(velocity: np.ndarray, share: float) -> None:
    compressed = compress(velocity, share)
    assert compressed.std() == pytest.approx((1 - share) * velocity.std(), rel=1e-9, abs=1e-9)
    assert compressed.mean() == pytest.approx(velocity.mean())


@given(velocities, st.floats(0, 1))
def test_velocities_stay_in_range_and_in_order(velocity: np.ndarray, share: float) -> None:
    rounded = np.rint(compress(velocity, share))
    assert rounded.min() >= velocity.min()
    assert rounded.max() <= velocity.max()
    assert (np.diff(rounded[np.argsort(velocity, kind="stable")]) >= 0).all()


def spread_ratio(clean: Performance, share: float) -> float:
    edits = DynamicsCompression(share=share).draw(clean, stream(0, "unused"))
    after = apply_edits(clean, edits).notes["velocity"]
    return float(after.std() / clean.notes["velocity"].std())


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_the_spread_ratio_is_close_after_rounding(corpus: list[Performance], share: float) -> None:
    for clean in corpus:
        assert spread_ratio(clean, share) == pytest.approx(1 - share, abs=0.01)


@pytest.mark.real_data
@pytest.mark.parametrize("share", [0.3, 0.5])
def test_the_spread_ratio_is_close_on_real_windows(
    maestro_windows: list[Performance], share: float
) -> None:
    dense = [window for window in maestro_windows if len(window.notes) >= 20]
    ratios = [spread_ratio(window, share) for window in dense]
    assert np.mean(ratios) == pytest.approx(1 - share, abs=0.005)
    assert np.abs(np.array(ratios) - (1 - share)).max() < 0.05


def test_full_compression_leaves_one_velocity(compose: Compose) -> None:
    clean = compose(0)
    edits = DynamicsCompression(share=1).draw(clean, stream(0, "unused"))
    assert len(np.unique(apply_edits(clean, edits).notes["velocity"])) == 1


def test_only_the_velocity_changes(compose: Compose) -> None:
    clean = compose(1)
    edits = DynamicsCompression(share=0.5).draw(clean, stream(0, "unused"))
    damaged = apply_edits(clean, edits)
    kept = ["note_id", "onset_s", "offset_s", "pitch"]
    assert np.array_equal(damaged.notes[kept], clean.notes[kept])
    assert np.array_equal(damaged.pedal, clean.pedal)


@pytest.mark.parametrize(
    ("velocity", "strikes"),
    [
        ((60, 61, 62), False),
        ((60, 64), False),
        ((64, 64, 64), False),
        ((56, 66), True),
        ((), False),
    ],
)
def test_what_rounding_takes_back_is_no_strike(
    assemble: Assemble, factored: FactoredRecipe, velocity: tuple[int, ...], strikes: bool
) -> None:
    clean = assemble([(n, n + 0.5, 60, each) for n, each in enumerate(velocity)])
    factor = factored.factors["dynamic_range"]
    assert factor.can_apply(clean) == strikes
    for severity_jnd in (1.0, 2.0, 4.0, 8.0):
        (operation,) = factor.at(severity_jnd)
        edits = operation.draw(clean, stream(0, "unused"))
        assert not strikes or not is_empty(edits), "damage is claimed, and none is done"


def test_one_note_and_equal_notes_stay(assemble: Assemble) -> None:
    for count in (1, 5):
        clean = assemble([(n, n + 0.5, 60, 100) for n in range(count)])
        edits = DynamicsCompression(share=0.7).draw(clean, stream(0, "unused"))
        assert np.array_equal(apply_edits(clean, edits).notes, clean.notes)
