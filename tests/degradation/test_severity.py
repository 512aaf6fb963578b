import numpy as np
import pytest
import scipy.stats

from degradation.factored import FactoredRecipe
from degradation.recipe_base import TIERS
from degradation.seeds import stream
from degradation.severity import (
    ScoreCurve,
    SeverityDistribution,
    draw_ranks,
    overall_severity,
)

KNOTS = ((0, 100), (1, 95), (2, 80), (3.5, 65), (8, 50))


def test_the_curve_meets_its_knots_falls_between_them_and_is_flat_beyond() -> None:
    curve = ScoreCurve(knots=KNOTS)
    assert curve.score(np.array([jnd for jnd, _ in KNOTS])).tolist() == [100, 95, 80, 65, 50]
    assert curve.score(0.5) == 97.5
    assert curve.score(100.0) == 50
    scores = curve.score(np.linspace(0, 8, 1000))
    assert (np.diff(scores) < 0).all()


def test_a_tier_is_the_band_of_its_score() -> None:
    curve = ScoreCurve(knots=KNOTS)
    bands = dict(zip(TIERS, ((95, 100), (80, 95), (65, 80), (50, 65)), strict=True))
    for severity in np.linspace(0, 10, 501):
        low, high = bands[curve.tier(severity)]
        assert low <= curve.score(severity) <= high
    assert [curve.tier(edge) for edge in (0.999, 1, 2, 3.5)] == list(TIERS)


@pytest.mark.parametrize(
    "knots",
    [
        (),
        KNOTS[:-1],
        ((0.5, 100), *KNOTS[1:]),
        ((0, 100), (2, 95), (1, 80), (3, 65), (8, 50)),
        ((0, 100), (1, 95), (2, 95), (3, 65), (8, 50)),
        ((0, 200), *KNOTS[1:]),
        (*KNOTS[:-1], (8, -50)),
    ],
)
def test_a_curve_that_bounds_no_tiers_is_refused(knots: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="should"):
        ScoreCurve(knots=knots)


def test_a_quantile_function_gives_the_distribution_that_it_names() -> None:
    spread = SeverityDistribution(((0, 0), (0.5, 0.4), (0.9, 4), (1, 8)))
    severity = spread.quantile(stream(0, "ranks").random(100_000))
    for probability, jnd in spread.root:
        assert np.mean(severity <= jnd) == pytest.approx(probability, abs=0.005)
    assert spread.largest_jnd == severity.max().round() == 8


@pytest.mark.parametrize(
    "knots",
    [(), ((0, 0),), ((0, 0), (0.9, 8)), ((0, 0), (0.5, 3), (1, 2)), ((0, -1), (1, 2))],
)
def test_what_is_no_quantile_function_is_refused(knots: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match=r"\[probability, JND\] knots that rise"):
        SeverityDistribution(knots)


def test_a_severity_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite number"):
        SeverityDistribution(((0, 0), (0.5, float("nan")), (1, 8)))


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.6])
def test_ranks_are_uniform_and_go_together_as_asked(correlation: float) -> None:
    rng = stream(0, "copula")
    ranks = np.array([draw_ranks(7, correlation, rng) for _ in range(20_000)])
    for column in ranks.T:
        assert scipy.stats.kstest(column, "uniform").pvalue > 0.0005
    normal = np.corrcoef(scipy.stats.norm.ppf(ranks).T)
    assert normal[np.triu_indices(7, 1)] == pytest.approx(correlation, abs=0.04)


def test_the_overall_severity_is_a_power_mean() -> None:
    one = np.array([7.0, 0, 0, 0, 0, 0, 0])
    equal = np.ones(7)
    assert overall_severity(one, equal, 1) == pytest.approx(1)
    assert overall_severity(one, equal, 2) == pytest.approx(7 / np.sqrt(7))
    assert overall_severity(3 * equal, np.arange(1.0, 8), 2) == pytest.approx(3)
    assert overall_severity(one, np.array([6.0, 1, 1, 1, 1, 1, 1]), 2) == pytest.approx(
        7 / np.sqrt(2)
    )


def test_the_labels_of_the_shipped_recipe_tell_the_dimensions_apart(
    factored: FactoredRecipe,
) -> None:
    rng = stream(0, "labels")
    severity = np.array([factored.draw_severities(rng) for _ in range(20_000)])
    overall = [factored.overall(each) for each in severity]
    scores = factored.score_curve.score(np.column_stack([severity, overall]))
    correlation = np.corrcoef(scores.T)
    eigenvalues = np.linalg.eigvalsh(correlation)
    assert correlation[np.triu_indices(8, 1)].max() <= 0.6
    assert eigenvalues.sum() ** 2 / (eigenvalues**2).sum() >= 4
    assert scores.min() >= 50
    for dimension in scores.T[:7]:
        counts, _ = np.histogram(dimension, [50, 65, 80, 95, 100])
        assert (counts / len(dimension) > 0.05).all()
    assert min(factored.tier_shares.values()) > 0.1
