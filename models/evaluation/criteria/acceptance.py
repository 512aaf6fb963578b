"""Success criteria: what must hold before results may be called a success."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITY_WORDS, SINGLES, Experiment, Modality
from models.evaluation.agreement.resampling import (
    FEWEST_COMPOSITIONS,
    FEWEST_FOR_INTERVAL,
    AgreementIntervals,
    Gain,
)
from models.evaluation.audits.documents import LabelStructure
from models.evaluation.audits.thresholds import ThresholdVerdict
from models.evaluation.counterfactuals.counterfactual import Response
from models.evaluation.counterfactuals.families import FACTORS
from models.evaluation.criteria.diagnosis import (
    HEADROOM_SHARE,
    Evidence,
    diagnose,
    other,
)
from models.evaluation.criteria.verdict import Criterion, verdict
from models.evaluation.report.document import Report
from models.metrics import Agreement, mean_over_dimensions

IN_ORDER_SHARE = 0.9
"""Two performances 2 JND apart in one factor must be in order in this share of pairs."""
RECORDING_SHARE = 0.25
"""Another recording may change a grade by this share of what the reference dose changes."""
GREAT_BIAS = 3.0
"""A mean error of this many points too high or low explains a failure."""
PASSED = {"holds": True, "fails": False, "undecided": None}


def evidence(report: Report) -> Evidence | None:
    """Return what is known of the best fusion beside the best single modality."""
    if report.fusion_pair is None:
        return None
    fusion = report.model(report.fusion_pair.fusion)
    r = {one.name: one.agreement.mean_r for one in report.models}
    return Evidence(
        pair=report.fusion_pair,
        compositions=report.data.pieces,
        alone_r={modality: found.agreement.mean_r for modality, found in fusion.alone.items()},
        single_r={modality: r[name] for modality, name in SINGLES.items() if name in r},
        observable_r=mean_observable_r(report.label_structure),
        kept=fusion.training.best,
        last_epoch=fusion.training.epochs[-1].epoch,
        step_ms=report.settings.step_ms,
    )


def mean_observable_r(labels: LabelStructure | None) -> float | None:
    """Return the mean over the dimensions whose label varies; None without any."""
    found = labels.observable if labels else ()
    mean = mean_over_dimensions(np.array([one.r for one in found], np.float64))
    return None if np.isnan(mean) else mean


def judge_criteria(report: Report) -> tuple[Criterion, ...]:
    """Return every criterion: of all recipes, of counterfactual rows, and of the audits."""
    pieces = report.data.pieces
    models = {one.name: (one.agreement, one.intervals) for one in report.models}
    found = [learnt(models, report.baseline, pieces), fusion_pays(evidence(report))]
    if report.fusions:
        fusion = report.fusion_pair and report.model(report.fusion_pair.fusion)
        gains = {side: one.gain_of_both for side, one in fusion.alone.items()} if fusion else {}
        found.append(both_used(fusion.name if fusion else None, gains, pieces))
    changed = report.counterfactual
    if changed and report.best and report.best in changed.models:
        best, dose_jnd = report.best, changed.reference_jnd
        found += [
            in_order(best, changed.models),
            own_dimension(best, changed.models[best], dose_jnd),
            recording_ignored(best, changed.models, dose_jnd),
        ]
    thresholds = list(report.label_structure.shape.thresholds) if report.label_structure else []
    codes = ["labels_differ", "no_two_labels_alike"][: len(thresholds)]
    if report.shortcut_audit:
        thresholds.append(report.shortcut_audit.threshold)
        codes.append("tier_not_given_away")
    return (*found, *map(_of_audit, codes, thresholds))


def _of_audit(code: str, found: ThresholdVerdict) -> Criterion:
    return Criterion(
        asks=verdict(code, threshold=found.threshold.number),
        found=verdict(
            "audit_figure",
            value=found.value,
            low=found.interval.low,
            high=found.interval.high,
            pieces=found.compositions,
        ),
        passed=PASSED[found.verdict],
    )


def learnt(
    models: Mapping[Experiment, tuple[Agreement, AgreementIntervals]],
    baseline: Agreement,
    pieces: int,
) -> Criterion:
    """Judge that every model beats predicting the training mean, in every dimension.

    A dimension whose label never varies is not judged; on few pieces, errors alone are.
    """
    asks = verdict("every_model_learnt")
    judged = [name for name, r in zip(DIMENSIONS, baseline.r, strict=True) if not math.isnan(r)]
    if not judged:
        return Criterion(asks=asks, found=verdict("no_label_varies"), passed=None)
    because, failed = [], set()
    for model, (found, around) in models.items():
        lost = tuple(
            name
            for name, mae, mean in zip(DIMENSIONS, found.mae, baseline.mae, strict=True)
            if name in judged and mae >= mean
        )
        if lost:
            because.append(verdict("no_better_in", model=model, dimensions=lost))
        if lost and abs(found.mean_bias) >= GREAT_BIAS:
            because.append(verdict("biased", model=model, bias=found.mean_bias))
        unsure = pieces >= FEWEST_FOR_INTERVAL and around.mean_r.low <= 0
        if unsure:
            because.append(verdict("r_not_above_0", model=model))
        failed |= {model} if lost or unsure else set()
    constant = tuple(name for name in DIMENSIONS if name not in judged)
    good = len(models) - len(failed)
    return Criterion(
        asks=asks,
        found=verdict("models_learnt", good=good, all=len(models), constant=constant),
        passed=not because,
        because=tuple(because),
    )


def fusion_pays(seen: Evidence | None) -> Criterion:
    """Judge that the best fusion gains 10 % of the headroom, beyond the choice of test pieces."""
    asks = verdict("fusing_pays", share=HEADROOM_SHARE)
    if seen is None:
        return Criterion(asks=asks, found=verdict("nothing_to_compare"), passed=None)
    pair, interval = seen.pair, seen.pair.interval
    found = verdict(
        "fusion_gain",
        fusion=pair.fusion,
        single=pair.single,
        gain=pair.difference,
        headroom=pair.headroom,
    )
    if math.isnan(interval.low):
        return Criterion(asks=asks, found=found, passed=None)
    passed = pair.share_of_headroom >= HEADROOM_SHARE and interval.low > 0
    if passed and seen.compositions < FEWEST_COMPOSITIONS:
        return Criterion(asks=asks, found=found, passed=None)
    because = () if passed else diagnose(seen)
    return Criterion(asks=asks, found=found, passed=passed, because=because)


def both_used(
    fusion: Experiment | None, over_alone: Mapping[Modality, Gain], pieces: int
) -> Criterion:
    """Judge that the best fusion loses mean r when either modality is taken away."""
    asks = verdict("both_used")
    if fusion is None or not over_alone:
        return Criterion(asks=asks, found=verdict("nothing_to_compare"), passed=None)
    sides = tuple(MODALITY_WORDS[other(kept)] for kept in over_alone)
    changes = tuple(-gain.mean_r for gain in over_alone.values())
    found = verdict("without_a_side", fusion=fusion, sides=sides, changes=changes)
    if pieces < FEWEST_FOR_INTERVAL or any(
        math.isnan(gain.interval.low) for gain in over_alone.values()
    ):
        return Criterion(asks=asks, found=found, passed=None)
    because = tuple(
        verdict("side_not_missed", side=MODALITY_WORDS[other(kept)], change=-gain.mean_r)
        for kept, gain in over_alone.items()
        if not gain.interval.low > 0
    )
    return Criterion(asks=asks, found=found, passed=not because, because=because)


def _own(table: Sequence[Sequence[float]]) -> list[float]:
    return [row[place] for place, row in enumerate(table)]


def in_order(name: Experiment, responses: Mapping[Experiment, Response]) -> Criterion:
    """Judge that the model grades playing 2 JND apart in the right order, factor by factor."""
    asks = verdict("grades_in_order", share=IN_ORDER_SHARE)
    shares = {model: _own(response.doses.ordered) for model, response in responses.items()}
    known = [share for share in shares[name] if not math.isnan(share)]
    if not known:
        return Criterion(asks=asks, found=verdict("no_doses_apart"), passed=None)
    because = []
    for place, factor in enumerate(FACTORS):
        share = shares[name][place]
        if math.isnan(share):
            because.append(verdict("factor_without_effect", factor=factor))
        elif share < IN_ORDER_SHARE:
            best = max(shares, key=lambda model: shares[model][place])
            best_share = shares[best][place]
            because.append(
                verdict(
                    "out_of_order", factor=factor, share=share, best=best, best_share=best_share
                )
            )
    return Criterion(
        asks=asks,
        found=verdict(
            "factors_in_order",
            model=name,
            good=len(FACTORS) - len(because),
            all=len(FACTORS),
            lowest=min(known),
        ),
        passed=not because,
        because=tuple(because),
    )


def own_dimension(name: Experiment, response: Response, reference_jnd: float) -> Criterion:
    """Judge that each factor lowers its own dimension more than any other."""
    falls_most = dict(zip(FACTORS, response.factor_effects.falls_most, strict=True))
    because = tuple(
        verdict("another_falls_most", factor=factor, dimension=most or "")
        for factor, most in falls_most.items()
        if most != factor
    )
    good = len(FACTORS) - len(because)
    return Criterion(
        asks=verdict("own_dimension_falls_most", jnd=reference_jnd),
        found=verdict("factors_good", model=name, good=good, all=len(FACTORS)),
        passed=not because,
        because=because,
    )


def recording_ignored(
    name: Experiment, responses: Mapping[Experiment, Response], reference_jnd: float
) -> Criterion:
    """Judge that another recording of undamaged playing hardly changes its grades."""
    asks = verdict("recording_ignored", share=RECORDING_SHARE, jnd=reference_jnd)
    invariance = responses[name].recording_invariance
    if invariance is None:
        return Criterion(asks=asks, found=verdict("no_other_recordings"), passed=None)
    share = mean_over_dimensions(np.array(invariance.share))
    found = verdict("recording_share", model=name, share=share)
    passed = None if math.isnan(share) else share <= RECORDING_SHARE
    return Criterion(asks=asks, found=found, passed=passed)
