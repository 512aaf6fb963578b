"""Can a machine that does not listen tell the tiers? A random forest on trivial statistics.

Every prediction is of a composition that the forest has not seen (grouped folds): samples of
one piece are alike, and a forest that knows the piece knows what its draws have in common.

The gate has two sides. `drawn` statistics are what a factored recipe drew for the recording
(instrument, room, noise, gain, band, equaliser), whatever the playing: they may tell the tier no
better than chance, by .05 at most (see `gates`). `heard` statistics are of the row's recording:
noise floor, bandwidth, level, crest, file. Quality may move some of them rightly: softer playing
is fainter, a blurred pedal fills the gaps. So the same statistics of the same damaged playing,
rendered dry with one instrument and with nothing done to the sound, are the control: what they
tell of the tier is damage that can be heard, no shortcut. That side is the balanced accuracy of
`heard` above the better of chance (1 / number of tiers) and the control. Alone it would miss a
leak that only fills up what the recording blurs of the control. The gate's figure is the larger
of both sides.
Statistics of the notes (how many, how loud) are damage by definition: they are shown beside,
never gated.

Balanced accuracy is the mean over tiers of the share that is recognised: tiers need not come
equally often, and always naming the commonest gives chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import GroupKFold

from degradation.seeds import stream
from models.evaluation.agreement.resampling import NOWHERE, TAIL, Interval
from models.evaluation.audits.thresholds import Gate, Limit, judge
from models.metrics import pearson_r

Floats = NDArray[np.float64]

FOLDS = 5
FOREST: dict[str, Any] = {"n_estimators": 200, "min_samples_leaf": 5}
PERMUTATIONS = 5
DRAWS = 2000
LIMIT = Limit(name="balanced accuracy above chance and control", bound="at most", number=0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierProbe:
    """How well statistics tell tiers. `importances` are drops in balanced accuracy (see below)."""

    statistics: str
    balanced_accuracy: float
    interval: Interval
    recall: dict[str, float]
    importances: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreProbe:
    """How well statistics tell one score: Pearson's r and R² of predictions out of fold."""

    statistics: str
    dimension: str
    r: float
    r2: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TierGuesses:
    """Tiers predicted out of fold, (samples,), and what each statistic is worth."""

    predicted: NDArray[np.str_]
    importances: dict[str, float]


def guess_tiers(
    statistics: pd.DataFrame, tiers: Sequence[str], compositions: Sequence[str], *, seed: int
) -> TierGuesses:
    """Return each sample's tier as a forest that has not met its composition predicts it.

    The importance of a statistic is by how much balanced accuracy drops when its values are
    shuffled among the held-out samples of a fold (Breiman 2001; mean of `PERMUTATIONS`). Two
    statistics that say the same share it: a low one may still be able to tell.

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
        importances={
            str(name): reached - float(np.mean([balanced_accuracy(true, one) for one in repeats]))
            for name, repeats in zip(statistics.columns, shuffled, strict=True)
        },
    )


def guess_scores(
    features: pd.DataFrame, scores: pd.DataFrame, compositions: Sequence[str], *, seed: int
) -> Floats:
    """Return scores, (samples, dimensions), as a forest predicts them of unseen compositions.

    A missing feature (NaN) counts as that column's median in the training folds, as 0 where the
    column has none.
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
    """Return the mean over the tiers there are of the share that is recognised."""
    return float(np.mean(list(_recall(true, predicted).values())))


def probe_tiers(
    name: str, guesses: TierGuesses, tiers: Sequence[str], compositions: Sequence[str], *, seed: int
) -> TierProbe:
    """Return what guesses are worth, with a 95 % interval of whole compositions redrawn."""
    true = np.asarray(tiers)
    redrawn = _redrawn_accuracy(true, guesses.predicted, compositions, seed)
    return TierProbe(
        statistics=name,
        balanced_accuracy=balanced_accuracy(true, guesses.predicted),
        interval=_interval(redrawn),
        recall=_recall(true, guesses.predicted),
        importances=guesses.importances,
    )


def probe_scores(name: str, predicted: Floats, scores: pd.DataFrame) -> list[ScoreProbe]:
    """Return what predicted scores, (samples, dimensions), are worth, one a dimension.

    Both figures are nan of a score that is the same in all samples.
    """
    true = scores.to_numpy(np.float64)
    spread = np.square(true - true.mean(axis=0)).sum(axis=0)
    r2 = 1 - np.square(true - predicted).sum(axis=0) / np.where(spread > 0, spread, np.nan)
    return [
        ScoreProbe(statistics=name, dimension=str(dimension), r=float(r), r2=float(one))
        for dimension, r, one in zip(scores.columns, pearson_r(true, predicted), r2, strict=True)
    ]


def shortcut_gate(
    heard: TierGuesses,
    dry: TierGuesses,
    drawn: TierGuesses | None,
    tiers: Sequence[str],
    compositions: Sequence[str],
    *,
    seed: int,
) -> Gate:
    """Return whether recordings tell tiers beyond chance and beyond what their playing tells.

    `drawn` is None where nothing is drawn for a recording. All probes are judged on the same
    redrawings of compositions.
    """
    true, chance = np.asarray(tiers), 1 / len(set(tiers))

    def reached(probe: TierGuesses) -> Floats:
        """Return balanced accuracy, (1 + draws,): as found, then redrawn."""
        redrawn = _redrawn_accuracy(true, probe.predicted, compositions, seed)
        return np.append(balanced_accuracy(true, probe.predicted), redrawn)

    sides = [reached(heard) - np.maximum(chance, reached(dry))]
    if drawn:
        sides.append(reached(drawn) - chance)
    worst = max(sides, key=lambda side: side[0])
    return judge(LIMIT, float(worst[0]), _interval(worst[1:]), len(set(compositions)))


def unprobed_gate(compositions: Sequence[str]) -> Gate:
    """Return the gate where there is too little to probe: undecided."""
    return judge(LIMIT, float("nan"), NOWHERE, len(set(compositions)))


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
    names, cluster = np.unique(np.asarray(compositions), return_inverse=True)
    kinds, tier = np.unique(true, return_inverse=True)
    counts = np.zeros((2, len(names), len(kinds)))
    np.add.at(counts[0], (cluster, tier), 1)
    np.add.at(counts[1], (cluster, tier), predicted == true)
    rng = stream(seed, "compositions redrawn")
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    there, right = (drawn @ count for count in counts)
    with np.errstate(invalid="ignore"):
        accuracy: Floats = np.nanmean(right / there, axis=1)
    return accuracy


def _interval(figures: Floats) -> Interval:
    low, high = np.quantile(figures, [TAIL, 1 - TAIL])
    return Interval(float(low), float(high))
