"""Success gates: what must hold before a result may be called one, and why where it does not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment, Modality
from models.evaluation.agreement.resampling import (
    FEWEST_COMPOSITIONS,
    AgreementIntervals,
    Gain,
)
from models.evaluation.counterfactuals.counterfactual import Response
from models.evaluation.counterfactuals.families import FACTORS
from models.evaluation.criteria.diagnosis import (
    HEADROOM_SHARE,
    WORDS,
    Evidence,
    explain_no_gain,
    other,
)
from models.evaluation.report.formats import number, percent, plain, signed
from models.metrics import Agreement, mean_over_dimensions

IN_ORDER_SHARE = 0.9
"""So often must two performances 2 JND apart in one factor be graded in the right order."""
NUISANCE_SHARE = 0.25
"""Another recording may change a grade by so much of what bad playing (the reference dose)
changes."""

GREAT_BIAS = 3.0
"""So many points too high or low on the mean are told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A gate, what it asks, what was found, and why it failed.

    `passed` is None where it could not be judged; `found` then says why. `because` is empty
    where it passed.
    """

    name: str
    asks: str
    found: str
    passed: bool | None
    because: tuple[str, ...] = ()


def learnt_gate(
    models: Mapping[Experiment, tuple[Agreement, AgreementIntervals]], baseline: Agreement
) -> Gate:
    """Judge that every model beats always saying the training mean, in every dimension.

    Where a label is the same in all judged rows, no one's r is defined, and there is nothing to
    learn: the dimension is not judged.
    """
    name, asks = (
        "every model has learnt something",
        "MAE below that of always saying the training mean in each dimension, and an interval "
        "of mean r above 0",
    )
    judged = [
        dimension for dimension, r in zip(DIMENSIONS, baseline.r, strict=True) if not math.isnan(r)
    ]
    if not judged:
        return Gate(name=name, asks=asks, found="no label varies in these rows", passed=None)
    failed = {
        model: [
            dimension
            for dimension, mae, mean in zip(DIMENSIONS, found.mae, baseline.mae, strict=True)
            if dimension in judged and mae >= mean
        ]
        for model, (found, _) in models.items()
    }
    # Without an interval (of one composition, say) only the errors can be judged.
    unsure = [model for model, (_, around) in models.items() if around.mean_r.low <= 0]
    lost = {model: dimensions for model, dimensions in failed.items() if dimensions}
    because = [
        f"{model} is no better in {_named(dimensions, judged)}."
        for model, dimensions in lost.items()
    ] + [f"The interval of {model}'s mean r does not lie above 0." for model in unsure]
    because += [
        f"{model} grades {number(abs(found.mean_bias), 1)} points too "
        f"{'low' if found.mean_bias < 0 else 'high'} on the mean, which costs MAE and no r: "
        "its scores were calibrated on the validation split, which this music is unlike."
        for model, (found, _) in models.items()
        if model in lost and abs(found.mean_bias) >= GREAT_BIAS
    ]
    good = len(models) - len({*lost, *unsure})
    constant = [dimension for dimension in DIMENSIONS if dimension not in judged]
    return Gate(
        name=name,
        asks=asks,
        found=f"{good} of {len(models)} models"
        + (
            f"; not judged, as its label never changes here: {', '.join(map(plain, constant))}"
            if constant
            else ""
        ),
        passed=not because,
        because=tuple(because),
    )


def _named(dimensions: Sequence[str], judged: Sequence[str]) -> str:
    if len(dimensions) == len(judged):
        return "any dimension"
    return ", ".join(map(plain, dimensions))


def _no_interval(compositions: int) -> str:
    if compositions == 1:
        return "one composition has no interval"
    return f"labels vary in too few of the {compositions} compositions for an interval"


def fusion_gate(seen: Evidence | None) -> Gate:
    """Judge that the best fusion gains 10 % of the headroom, beyond the choice of test pieces."""
    name, asks = (
        "fusing pays",
        f"the best fusion gains at least {percent(HEADROOM_SHARE)} of the headroom that the best "
        "single modality leaves, in mean r, with an interval that excludes 0",
    )
    if seen is None:
        return Gate(
            name=name, asks=asks, found="no fusion and single modality to compare", passed=None
        )
    pair, interval = seen.pair, seen.pair.interval
    if math.isnan(interval.low):
        found = f"{pair.fusion} {signed(pair.difference)} against {pair.single}; "
        found += _no_interval(seen.compositions)
        return Gate(name=name, asks=asks, found=found, passed=None)
    passed = pair.share_of_headroom >= HEADROOM_SHARE and interval.low > 0
    few = passed and seen.compositions < FEWEST_COMPOSITIONS
    return Gate(
        name=name,
        asks=asks,
        found=f"{pair.fusion} {number(pair.fusion_r)} against {pair.single} "
        f"{number(pair.single_r)}: {signed(pair.difference)} ({signed(interval.low)} to "
        f"{signed(interval.high)}), "
        + (
            f"{percent(pair.share_of_headroom)} of the {number(pair.headroom)} left"
            if pair.headroom > 0
            else "and nothing was left to gain"
        )
        + (f"; {seen.compositions} compositions are too few to rule chance out" if few else ""),
        passed=None if few else passed,
        because=() if passed else explain_no_gain(seen),
    )


def both_used_gate(
    fusion: Experiment | None, over_alone: Mapping[Modality, Gain], compositions: int
) -> Gate:
    """Judge that the best fusion loses something when either modality is taken away.

    `compositions` is how many the intervals redraw.
    """
    name = "the best fusion uses both modalities"
    asks = "mean r falls when either is taken away, each with an interval that excludes 0"
    if fusion is None or not over_alone:
        return Gate(name=name, asks=asks, found="no fusion was trained", passed=None)
    if any(math.isnan(gain.interval.low) for gain in over_alone.values()):
        return Gate(name=name, asks=asks, found=_no_interval(compositions), passed=None)
    because = [
        f"Without {WORDS[other(kept)]}, mean r changes by {signed(-gain.mean_r)} "
        f"({signed(-gain.interval.high)} to {signed(-gain.interval.low)})."
        for kept, gain in over_alone.items()
        if not gain.interval.low > 0
    ]
    lost = ", ".join(
        f"{signed(-gain.mean_r)} without {WORDS[other(kept)]}" for kept, gain in over_alone.items()
    )
    return Gate(
        name=name, asks=asks, found=f"{fusion}: {lost}", passed=not because, because=tuple(because)
    )


def _own(table: Sequence[Sequence[float]]) -> list[float]:
    return [row[place] for place, row in enumerate(table)]


def order_gate(name: Experiment, responses: Mapping[Experiment, Response]) -> Gate:
    """Judge that the model grades playing 2 JND apart in the right order, factor by factor."""
    gate_name, asks = (
        "grades follow each factor",
        f"playing at least 2 JND apart in one factor is graded in the right order in "
        f"{percent(IN_ORDER_SHARE)} of pairs, in that factor's dimension",
    )
    shares = _own(responses[name].doses.ordered)
    if all(map(math.isnan, shares)):
        words = "no two doses of one passage are 2 JND apart"
        return Gate(name=gate_name, asks=asks, found=words, passed=None)
    lowest = min((share for share in shares if not math.isnan(share)), default=math.nan)
    because = []
    for place, factor in enumerate(FACTORS):
        if math.isnan(shares[place]):
            because.append(f"{plain(factor)}: nothing came of it in any family.")
            continue
        if shares[place] >= IN_ORDER_SHARE:
            continue
        best = max(responses, key=lambda one: _own(responses[one].doses.ordered)[place])
        reached = _own(responses[best].doses.ordered)[place]
        others = (
            f"{best} has {percent(reached)}: it can be told, and {name} does not"
            if reached >= IN_ORDER_SHARE
            else f"no model reaches {percent(IN_ORDER_SHARE)} (best: {best}, {percent(reached)}), "
            "so what they are given may not show it"
        )
        because.append(f"{plain(factor)}: {percent(shares[place])}; {others}.")
    return Gate(
        name=gate_name,
        asks=asks,
        found=f"{name}: {len(FACTORS) - len(because)} of {len(FACTORS)} factors, "
        f"lowest {percent(lowest)}",
        passed=not because,
        because=tuple(because),
    )


def own_dimension_gate(name: Experiment, response: Response, reference_jnd: float) -> Gate:
    """Judge that each factor lowers its own dimension more than any other."""
    because = tuple(
        f"{plain(factor)} lowers {plain(most)} most."
        if most
        else f"{plain(factor)} lowers no single dimension most."
        for factor, most in zip(FACTORS, response.factor_effects.falls_most, strict=True)
        if most != factor
    )
    return Gate(
        name="each factor moves its own dimension most",
        asks="of the seven dimensions with a factor, the factor's own falls most at "
        f"{reference_jnd:g} JND",
        found=f"{name}: {len(FACTORS) - len(because)} of {len(FACTORS)} factors",
        passed=not because,
        because=because,
    )


def nuisance_gate(
    name: Experiment, responses: Mapping[Experiment, Response], reference_jnd: float
) -> Gate:
    """Judge that another recording of undamaged playing hardly changes its grades."""
    gate_name = "grades do not follow the recording"
    asks = (
        "another piano, room or noise changes a grade by at most "
        f"{percent(NUISANCE_SHARE)} of what {reference_jnd:g} JND change, on the mean of the "
        "dimensions"
    )
    found = {
        model: mean_over_dimensions(np.array(response.recording_invariance.share))
        for model, response in responses.items()
        if response.recording_invariance is not None
    }
    if name not in found:
        return Gate(name=gate_name, asks=asks, found="no nuisance twins", passed=None)
    if math.isnan(found[name]):
        words = f"{name}: {reference_jnd:g} JND of a factor change nothing to compare with"
        return Gate(name=gate_name, asks=asks, found=words, passed=None)
    passed = found[name] <= NUISANCE_SHARE
    others = ", ".join(f"{model} {percent(share)}" for model, share in found.items())
    return Gate(
        name=gate_name,
        asks=asks,
        found=f"{name}: {percent(found[name])}",
        passed=passed,
        because=() if passed else (f"Model by model: {others}.",),
    )
