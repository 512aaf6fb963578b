import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.diagnostics.alignment import Shift, best_shift, linear_cka, retrieval_at_1


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def rotation(width: int) -> Tensor:
    return torch.linalg.qr(draw(width, width, seed=9).double())[0]


def unbiased_hsic_of_grams(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Equation 5 of Song et al. 2012, on Gram matrices of rows that nobody has centred."""
    n, one = len(x), np.ones(len(x))
    k, m = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    middle = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return float((np.trace(k @ m) + middle - 2 / (n - 2) * (one @ k @ m @ one)) / (n * (n - 3)))


@pytest.mark.parametrize("rows", [4, 7, 60])
def test_cka_against_the_estimator_on_gram_matrices(rows: int) -> None:
    x = draw(rows, 5, seed=1)
    y = x[:, :3] + 0.7 * draw(rows, 3, seed=2) + 4
    xx, yy = (side.double().numpy() for side in (x, y))
    expected = unbiased_hsic_of_grams(xx, yy) / np.sqrt(
        unbiased_hsic_of_grams(xx, xx) * unbiased_hsic_of_grams(yy, yy)
    )
    assert linear_cka(x, y) == pytest.approx(expected, rel=1e-9)


def test_cka_nears_kornblith_s_plain_formula_with_many_rows() -> None:
    x = draw(20_000, 4, seed=1).double()
    y = x @ draw(4, 6, seed=2).double() + draw(20_000, 6, seed=3).double()
    x0, y0 = x - x.mean(0), y - y.mean(0)
    plain = (y0.T @ x0).norm() ** 2 / ((x0.T @ x0).norm() * (y0.T @ y0).norm())
    assert linear_cka(x, y) == pytest.approx(float(plain), abs=1e-3)


def test_cka_of_rows_with_themselves_is_1() -> None:
    assert linear_cka(draw(50, 6), draw(50, 6)) == pytest.approx(1, abs=1e-12)


def test_cka_knows_no_rotation_shift_or_scale() -> None:
    x, y = draw(80, 6, seed=1).double(), draw(80, 6, seed=2).double()
    y[:, 0] += 2 * x[:, 1]
    before = linear_cka(x, y)
    assert before == pytest.approx(linear_cka(3.0 * x @ rotation(6) + 5.0, y), rel=1e-9)
    assert before == pytest.approx(linear_cka(y, x), rel=1e-12)
    stretched = x.clone()
    stretched[:, 0] *= 10
    assert linear_cka(stretched, y) != pytest.approx(before, rel=0.05)


def test_cka_of_unrelated_rows_is_0_even_when_channels_are_as_many_as_rows() -> None:
    found = [linear_cka(draw(200, 200, seed=s), draw(200, 200, seed=s + 50)) for s in range(8)]
    assert np.mean([cka for cka in found if cka is not None]) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        pytest.param(draw(3, 2), draw(3, 2), id="too few rows"),
        pytest.param(torch.full((9, 2), 0.1), draw(9, 2), id="one side constant"),
        pytest.param(draw(9, 2), torch.full((9, 2), torch.nan), id="nan"),
    ],
)
def test_cka_that_is_not_defined(x: Tensor, y: Tensor) -> None:
    assert linear_cka(x, y) is None


def test_every_clip_finds_itself_whatever_all_clips_share() -> None:
    clips = draw(40, 8)
    assert retrieval_at_1(clips, clips) == 1
    assert retrieval_at_1(clips + 100, 2 * clips - 50) == 1


def test_retrieval_is_the_mean_of_both_directions() -> None:
    audio = draw(30, 4, seed=1)
    midi = audio + 0.8 * draw(30, 4, seed=2)
    midi[:4] = midi[:1]
    a, m = (side.double().numpy() for side in (audio, midi))
    a, m = a - a.mean(0), m - m.mean(0)

    def hits(asking: NDArray[np.float64], asked: NDArray[np.float64]) -> float:
        nearest = [
            max(range(30), key=lambda place: one @ asked[place] / np.linalg.norm(asked[place]))
            for one in asking
        ]
        return float(np.mean(np.array(nearest) == np.arange(30)))

    assert hits(a, m) != hits(m, a)
    assert retrieval_at_1(audio, midi) == pytest.approx((hits(a, m) + hits(m, a)) / 2)


def test_retrieval_of_unrelated_clips_is_chance() -> None:
    found = [retrieval_at_1(draw(100, 32, seed=s), draw(100, 32, seed=s + 99)) for s in range(30)]
    assert np.mean([hit for hit in found if hit is not None]) == pytest.approx(0.01, abs=0.006)


def test_retrieval_among_less_than_two_clips_or_of_a_collapsed_side() -> None:
    assert retrieval_at_1(draw(1, 4), draw(1, 4)) is None
    assert retrieval_at_1(torch.full((5, 4), 0.1), draw(5, 4)) == pytest.approx(1 / 5)


def slid(late_steps: int, clips: int = 6, steps: int = 40) -> tuple[list[Tensor], list[Tensor]]:
    """White clips of unlike lengths and levels, audio the same as MIDI but late."""
    long = [draw(steps + 20 + clip, 5, seed=clip) + 50 * clip for clip in range(clips)]
    audio = [whole[10 - late_steps : len(whole) - 10 - late_steps] for whole in long]
    return audio, [whole[10 : len(whole) - 10] for whole in long]


@pytest.mark.parametrize("late_steps", [-8, -3, 0, 1, 8])
def test_an_exact_copy_is_found_at_its_shift_with_likeness_1(late_steps: int) -> None:
    found = best_shift(*slid(late_steps), 8)
    assert found is not None
    assert found.steps == late_steps
    # Not quite 1: a clip and its shifted self have means of their own.
    assert found.cka == pytest.approx(1, abs=0.02)


def test_clips_that_differ_but_in_level_do_not_hide_the_shift() -> None:
    """Uncentred, levels 50 apart would make every shift alike to many digits."""
    audio, midi = slid(3)
    level = [torch.full_like(clip, 50.0 * number) for number, clip in enumerate(audio)]
    assert best_shift(level, midi, 8) is None
    found = best_shift(audio, midi, 2)
    assert found is not None
    assert found.cka < 0.2, "the shift lies outside, and nothing else is alike"


def test_clips_have_no_neighbours() -> None:
    """Were steps paired across clips, their order would show."""
    audio, midi = slid(3)
    found, turned = best_shift(audio, midi, 8), best_shift(audio[::-1], midi[::-1], 8)
    assert found is not None
    assert turned == Shift(steps=3, cka=pytest.approx(found.cka, rel=1e-9))


def test_clips_too_short_to_slide_are_left_out() -> None:
    audio, midi = slid(2)
    short = draw(16, 5)
    assert best_shift([short, *audio], [draw(16, 5, seed=1), *midi], 8) == best_shift(
        audio, midi, 8
    )
    assert best_shift([short], [short], 8) is None


def test_of_equal_shifts_the_nearest_to_0_is_told() -> None:
    wave = torch.tensor([[0.0], [1.0], [0.0], [-1.0]]).repeat(10, 1)
    assert best_shift([wave], [wave], 8) == Shift(steps=0, cka=pytest.approx(1))
