"""Can statistics that ignore the playing predict the tier? A random forest tries.

Every prediction is of a composition that the forest has not seen (grouped folds): clips of one
piece are alike. Balanced accuracy is the mean over tiers of the share that is recognised, so
always naming the commonest tier gives chance, 1 / number of tiers.

The audit holds the larger of two figures to the threshold:

- `drawn` statistics are what a factored recipe drew for the recording (instrument, room, noise,
  gain, band, equaliser), whatever the playing. Their figure is the balanced accuracy above chance.
- `recording` statistics are of the row's sound and file: noise floor, bandwidth, level, crest.
  Damage to the playing rightly moves some of them: softer playing is fainter. So the control,
  `dry`, is the same statistics of the same playing, rendered with one instrument and without any
  treatment of the sound. The figure is the balanced accuracy above the better of chance and `dry`.

Statistics of the `notes` (how many, how loud) are damage by definition, and have no threshold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import GroupKFold

from degradation.recipe import TIERS
from degradation.seeds import stream
from labeling.scores import DIMENSIONS, Dimension
from labeling.statistics import cluster_sums, resample_sums
from models.evaluation.agreement.resampling import DRAWS, UNDEFINED_INTERVAL, percentile_interval
from models.evaluation.audits.documents import (
    Importance,
    ScoreProbe,
    ShortcutAudit,
    StatisticSet,
    TierProbe,
)
from models.evaluation.audits.shortcut_statistics import SETS
from models.evaluation.audits.thresholds import Threshold, ThresholdVerdict, judge
from models.metrics import pearson_r

Floats = NDArray[np.float64]

FOLDS = 5
FOREST: dict[str, Any] = {"n_estimators": 200, "min_samples_leaf": 5}
PERMUTATIONS = 5
SHORTCUT = Threshold(
    name="balanced accuracy above chance and control", bound="at most", number=0.05
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TierGuesses:
    """Tiers predicted out of fold, (samples,), and by how much each statistic matters.

    `accuracy` is balanced accuracy, (1 + draws,): as found, then with compositions redrawn.
    """

    predicted: NDArray[np.str_]
    accuracy: Floats
    importances: dict[str, float]


def guess_tiers(
    statistics: pd.DataFrame, tiers: Sequence[str], compositions: Sequence[str], *, seed: int
) -> TierGuesses:
    """Return each sample's tier as predicted by a forest that has not seen its composition.

    The importance of a statistic is by how much balanced accuracy drops when its values are
    shuffled among the held-out samples of a fold (Breiman 2001; mean of `PERMUTATIONS`). Two
    statistics that say the same share it.

    Raises ValueError with fewer than two compositions.
    """
    values, true = statistics.to_numpy(np.float64), np.asarray(tiers)
    predicted = np.empty_like(true)
    rng = stream(seed, "probe of tiers")
    shuffled = np.empty((len(statistics.columns), PERMUTATIONS, len(true)), dtype=true.dtype)
    for train, held_out in _folds(compositions):
        forest = RandomForestClassifier(
            **FOREST, class_weight="balanced_subsample", random_state=int(rng.integers(2**31))
        ).fit(values[train], true[train])
        predicted[held_out] = forest.predict(values[held_out])
        others = np.tile(values[held_out], (*shuffled.shape[:2], 1, 1))
        for column, repeats in enumerate(others):
            for repeat in repeats:
                rng.shuffle(repeat[:, column])
        # One call for all: a forest takes longer to start than to answer.
        answers = forest.predict(others.reshape(-1, values.shape[1]))
        shuffled[:, :, held_out] = answers.reshape(others.shape[:3])
    reached = balanced_accuracy(true, predicted)
    return TierGuesses(
        predicted=predicted,
        accuracy=np.append(reached, _redrawn_accuracy(true, predicted, compositions, seed)),
        importances={
            str(name): reached - float(np.mean([balanced_accuracy(true, one) for one in repeats]))
            for name, repeats in zip(statistics.columns, shuffled, strict=True)
        },
    )


def guess_scores(
    features: pd.DataFrame, scores: pd.DataFrame, compositions: Sequence[str], *, seed: int
) -> Floats:
    """Return scores, (samples, dimensions), predicted by a forest of unseen compositions.

    A missing feature (NaN) counts as the column's median in the training folds, or as 0 without.
    """
    true = scores.to_numpy(np.float64)
    predicted = np.zeros_like(true)
    rng = stream(seed, "probe of scores")
    for train, held_out in _folds(compositions):
        middle = features.iloc[train].median().fillna(0.0)
        filled = features.fillna(middle).to_numpy(np.float64)
        forest = RandomForestRegressor(**FOREST, random_state=int(rng.integers(2**31)))
        predicted[held_out] = forest.fit(filled[train], true[train]).predict(filled[held_out])
    return predicted


def balanced_accuracy(true: NDArray[np.str_], predicted: NDArray[np.str_]) -> float:
    """Return the mean over the tiers that occur of the share that is recognised."""
    return float(np.mean(list(_recall(true, predicted).values())))


def probe_tiers(kind: StatisticSet, guesses: TierGuesses, tiers: Sequence[str]) -> TierProbe:
    """Return how good guesses are, with a 95 % interval that redraws whole compositions."""
    known = {f"{kind}_{one.name}": one for one in SETS[kind]}
    return TierProbe(
        statistics=kind,
        balanced_accuracy=float(guesses.accuracy[0]),
        interval=percentile_interval(guesses.accuracy[1:]),
        recall=_recall(np.asarray(tiers), guesses.predicted),
        importances=tuple(
            Importance(statistic=known[name].name, meaning=known[name].meaning, drop=drop)
            for name, drop in guesses.importances.items()
        ),
    )


def probe_scores(predicted: Floats, scores: pd.DataFrame) -> list[tuple[Dimension, float, float]]:
    """Return each dimension with r and R² of its predicted scores, (samples, dimensions).

    Both figures are NaN for a score with one value in all samples.
    """
    true = scores.to_numpy(np.float64)
    spread = np.square(true - true.mean(axis=0)).sum(axis=0)
    r2 = 1 - np.square(true - predicted).sum(axis=0) / np.where(spread > 0, spread, np.nan)
    r = pearson_r(true, predicted)
    return list(zip(DIMENSIONS, r.tolist(), r2.tolist(), strict=True))


def judge_shortcut(
    guesses: Mapping[StatisticSet, TierGuesses], tiers: int, compositions: int
) -> ThresholdVerdict:
    """Return the verdict on the larger of the module's two figures; counts are of the rows judged.

    `drawn` is missing where nothing is drawn for a recording. All probes are judged on the same
    redrawings of compositions.
    """
    chance = 1 / tiers
    sides = [guesses["recording"].accuracy - np.maximum(chance, guesses["dry"].accuracy)]
    if "drawn" in guesses:
        sides.append(guesses["drawn"].accuracy - chance)
    worst = max(sides, key=lambda side: side[0])
    return judge(SHORTCUT, float(worst[0]), percentile_interval(worst[1:]), compositions)


def audit_shortcuts(rows: pd.DataFrame, *, seed: int) -> ShortcutAudit:
    """Return how well statistics predict the tiers and scores of rows of `read_statistics`.

    With one tier or one composition there are no probes, and the threshold is undecided.
    """
    tiers, compositions = rows["tier"].tolist(), rows["composition"].tolist()
    scores = rows[list(DIMENSIONS)]
    counts = {tier: tiers.count(tier) for tier in TIERS if tier in tiers}
    count = len(set(compositions))
    sets: dict[StatisticSet, pd.DataFrame] = {}
    guesses: dict[StatisticSet, TierGuesses] = {}
    threshold = judge(SHORTCUT, float("nan"), UNDEFINED_INTERVAL, count)
    if len(counts) > 1 and count > 1:
        named = {kind: rows.filter(regex=f"^{kind}_") for kind in SETS}
        sets = {kind: statistics for kind, statistics in named.items() if not statistics.empty}
        guesses = {
            kind: guess_tiers(statistics, tiers, compositions, seed=seed)
            for kind, statistics in sets.items()
        }
        threshold = judge_shortcut(guesses, len(counts), count)
    return ShortcutAudit(
        counts=counts,
        compositions=count,
        threshold=threshold,
        tiers=tuple(probe_tiers(kind, guess, tiers) for kind, guess in guesses.items()),
        scores=tuple(
            ScoreProbe(statistics=kind, dimension=dimension, r=r, r2=r2)
            for kind, statistics in sets.items()
            for dimension, r, r2 in probe_scores(
                guess_scores(statistics, scores, compositions, seed=seed), scores
            )
        ),
    )


def _folds(compositions: Sequence[str]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return (train, held out) positions; no composition is in both."""
    groups = np.asarray(compositions)
    count = len(np.unique(groups))
    if count < 2:
        raise ValueError(f"expected 2 compositions or more to hold some out, got {count}")
    return list(GroupKFold(min(FOLDS, count)).split(groups, groups=groups))


def _recall(true: NDArray[np.str_], predicted: NDArray[np.str_]) -> dict[str, float]:
    return {str(tier): float(np.mean(predicted[true == tier] == tier)) for tier in np.unique(true)}


def _redrawn_accuracy(
    true: NDArray[np.str_], predicted: NDArray[np.str_], compositions: Sequence[str], seed: int
) -> Floats:
    """Return balanced accuracy, (draws,), with whole compositions drawn again with replacement.

    A tier that a redrawing lost is left out of its mean.
    """
    kinds = np.unique(true)
    of_tier = (true[:, None] == kinds).astype(np.float64)
    sums = cluster_sums(
        np.stack([of_tier, of_tier * (predicted == true)[:, None]], 1), compositions
    )
    redrawn = resample_sums(sums, stream(seed, "compositions redrawn"), DRAWS)
    with np.errstate(invalid="ignore"):
        accuracy: Floats = np.nanmean(redrawn[:, 1] / redrawn[:, 0], axis=1)
    return accuracy
