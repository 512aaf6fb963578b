import numpy as np
import pytest

from degradation.seeds import digest_int, stream, unit_interval


def test_a_name_gives_the_numbers_it_has_always_given() -> None:
    """Golden values: another algorithm would silently make other rows of the same recipe."""
    assert digest_int("phase2", "a", "0") == 290810377614159176225550261123528825385
    assert stream(7, "phase2", "a", "0").integers(0, 1_000_000, 4).tolist() == [
        400846,
        190189,
        373046,
        257665,
    ]
    assert stream(7, "phase2", "a", "0").normal(size=2).tolist() == [
        0.5983837908765679,
        -0.123660291564189,
    ]
    assert unit_interval(7, "phase2", "a", "0") == 0.4154219364315588


def test_a_stream_does_not_depend_on_what_ran_before() -> None:
    names = [("a",), ("b",), ("a", "b"), ("ab",)]
    forwards = {name: stream(1, *name).random(3).tolist() for name in names}
    backwards = {name: stream(1, *name).random(3).tolist() for name in reversed(names)}
    np.random.default_rng(0).random(100)
    assert forwards == backwards


def test_each_seed_and_each_name_has_a_stream_of_its_own() -> None:
    names = [("a",), ("b",), ("a", "b"), ("ab",), ("b", "a"), ("a", ""), ()]
    first = {(seed, name): stream(seed, *name).random() for seed in (0, 1, 2**40) for name in names}
    assert len(set(first.values())) == len(first)


def test_streams_of_neighbouring_names_are_independent() -> None:
    drawn = np.array([stream(0, "segment", str(number)).random(2) for number in range(2000)])
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.08
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.08


def test_the_unit_interval_is_filled_evenly() -> None:
    drawn = np.sort([unit_interval(3, str(number)) for number in range(10_000)])
    assert drawn[0] >= 0
    assert drawn[-1] < 1
    distance = np.abs(drawn - np.arange(10_000) / 10_000).max()
    assert distance < 1.95 / np.sqrt(10_000), "Kolmogorov-Smirnov, 99.9 %"


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        stream(-1, "a")
