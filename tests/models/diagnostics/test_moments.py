import numpy as np
import pytest
import torch

from models.diagnostics.moments import Moments


@pytest.mark.parametrize("shape", [(40,), (40, 3)])
def test_against_numpy(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(2, 3, shape)
    moments = Moments.of(torch.from_numpy(values))
    np.testing.assert_allclose(moments.mean, values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.spread, values.std(0), rtol=1e-12)


def test_parts_together_are_the_whole() -> None:
    values = torch.rand(30, 2, generator=torch.Generator().manual_seed(0))
    whole = Moments.of(values)
    together = Moments.together([Moments.of(part) for part in values.split([1, 12, 17])])
    assert together.count == whole.count == 30
    torch.testing.assert_close(together.mean, whole.mean, rtol=1e-12, atol=0)
    torch.testing.assert_close(together.spread, whole.spread, rtol=1e-9, atol=0)


def test_many_small_additions_lose_nothing_that_float32_would() -> None:
    tenth = torch.full((1_000_000,), 0.1)
    halves = Moments.together([Moments.of(tenth), Moments.of(tenth)])
    assert float(halves.mean) == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_equal_values_have_no_spread_and_no_nan() -> None:
    assert float(Moments.of(torch.full((7,), 0.3)).spread) == pytest.approx(0, abs=1e-8)
