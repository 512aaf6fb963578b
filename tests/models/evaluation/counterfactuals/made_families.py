"""Counterfactual families that were made up, and graders of them whose answers are known."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from labeling.scores import DIMENSIONS
from models.evaluation.ceilings.label_ceiling import TierScores

TIERS = tuple(
    TierScores(name=name, probability=share, low=low, high=high)
    for name, share, low, high in (
        ("pristine", 0.3, 95, 100),
        ("good", 0.3, 80, 95),
        ("moderate", 0.25, 65, 80),
        ("poor", 0.15, 50, 65),
    )
)

CURVE_JND, CURVE_SCORES = (0, 1, 2, 3.5, 8), (100, 95, 80, 65, 50)
DOSES_JND = (0.5, 1.0, 2.0, 4.0, 8.0)
TWINS = 3


def score(severity_jnd: np.ndarray) -> np.ndarray:
    """Scores (..., 8) of seven severities (..., 7); the overall one is their root mean square."""
    overall = np.sqrt(np.square(severity_jnd).mean(axis=-1, keepdims=True))
    return np.interp(np.concatenate([severity_jnd, overall], axis=-1), CURVE_JND, CURVE_SCORES)


def tier_names(scores: np.ndarray) -> list[str]:
    return [next(t.name for t in TIERS if overall >= t.low) for overall in scores[:, -1]]


def make_families(pieces: int = 4, per_piece: int = 3) -> pd.DataFrame:
    """Counterfactual rows with their severities as `severity_*` and a number of their nuisance."""
    rows, factors = [], DIMENSIONS[:-1]
    for family in range(pieces * per_piece):
        draws: list[tuple[str, float, int]] = [("nothing", 0.0, 0)]
        draws += [(factor, dose, 0) for factor in factors for dose in DOSES_JND]
        draws += [("nuisance", 0.0, twin + 1) for twin in range(TWINS)]
        for number, (varied, dose, nuisance) in enumerate(draws):
            severity = np.array([dose if factor == varied else 0.0 for factor in factors])
            scores = score(severity)
            rows.append(
                {
                    "sample_id": f"family {family} row {number}",
                    "split": "test_counterfactual",
                    "tier": tier_names(scores[None])[0],
                    "composition": f"test {family % pieces} <&>",
                    "segment_id": f"test {family}",
                    "family": f"family {family}",
                    "varied": varied,
                    "varied_severity_jnd": dose,
                    "nuisance": nuisance,
                    **{f"severity_{factor}": severity[i] for i, factor in enumerate(factors)},
                    **dict(zip(DIMENSIONS, scores, strict=True)),
                }
            )
    return pd.DataFrame(rows)


def severities(rows: pd.DataFrame) -> np.ndarray:
    return rows[[f"severity_{factor}" for factor in DIMENSIONS[:-1]]].to_numpy()


Model = Callable[[pd.DataFrame], np.ndarray]
"""Rows with severities and nuisance to eight scores each."""


def grade(rows: pd.DataFrame, model: Model, **figures: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(model(rows), columns=list(DIMENSIONS))
    table.insert(0, "sample_id", rows["sample_id"].to_numpy())
    return table.assign(**figures).sample(frac=1, random_state=1)


def knows_all(rows: pd.DataFrame) -> np.ndarray:
    return score(severities(rows))


def hears_trouble(rows: pd.DataFrame) -> np.ndarray:
    """Something is wrong, but not what; and another recording sounds like trouble, too."""
    overall = score(severities(rows))[:, -1:]
    noise = np.random.default_rng(3).normal(0, 1.5, (len(rows), 8))
    return np.repeat(overall - 3.0 * rows["nuisance"].to_numpy()[:, None], 8, axis=1) + noise


def reads_notes(rows: pd.DataFrame) -> np.ndarray:
    """All but what notes do not show: pedal and tone."""
    seen = severities(rows).copy()
    seen[:, [3, 4]] = 0
    return score(seen) + np.random.default_rng(4).normal(0, 2, (len(rows), 8))


def follows_one(rows: pd.DataFrame) -> np.ndarray:
    """The second factor alone, in every dimension."""
    return np.repeat(score(severities(rows))[:, 1:2], 8, axis=1)


def turned_round(rows: pd.DataFrame) -> np.ndarray:
    return 150 - score(severities(rows))


MODELS: dict[str, Model] = {
    "knows all": knows_all,
    "hears trouble": hears_trouble,
    "reads notes": reads_notes,
    "follows one": follows_one,
    "turned round": turned_round,
    "says the same": lambda rows: np.full((len(rows), 8), 80.0),
}
