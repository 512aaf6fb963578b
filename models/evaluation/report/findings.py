"""What a report says, in plain sentences, most important first."""

import numpy as np

from models.config.experiment import Experiment
from models.evaluation.agreement.resampling import FEWEST_COMPOSITIONS
from models.evaluation.counterfactuals.counterfactual import Counterfactual
from models.evaluation.counterfactuals.families import FACTORS
from models.evaluation.report.formats import number, percent, plain, signed
from models.evaluation.report.summary import ExperimentSummary, Summary
from models.metrics import mean_over_dimensions


def _best(summary: Summary, best: ExperimentSummary) -> str:
    found, around = best.agreement, best.intervals.mean_r
    interval = (
        ""
        if np.isnan(around.low)
        else f" (95 % interval {number(around.low)} to {number(around.high)})"
    )
    return (
        f"{best.name}, the best model on the validation split, reaches mean r = "
        f"{number(found.mean_r)}{interval} and is {number(found.mean_mae, 2)} points off, where "
        f"always saying the training mean is {number(summary.baseline.mean_mae, 2)} off and labels "
        f"allow {number(summary.ceiling_here.mean_mae, 2)}: {percent(best.share_of_headroom_mae)} "
        "of the way."
    )


def _sides(summary: Summary) -> str | None:
    r = {one.name: one.agreement.mean_r for one in summary.experiments}
    if not {"audio_only", "midi_only"} <= set(r):
        return None
    return (
        f"From the sound alone a model grades with r = {number(r['audio_only'])}, from the notes "
        f"alone with {number(r['midi_only'])}."
    )


def _fusion(summary: Summary) -> str | None:
    if summary.pairs is None:
        return None
    pair = summary.pairs.mean
    won = [one for one in summary.pairs.dimensions if one.winner == one.fusion]
    lost = [one for one in summary.pairs.dimensions if one.winner == one.single]
    enough = summary.compositions[summary.evaluation.split] >= FEWEST_COMPOSITIONS
    if pair.interval.excludes_zero and enough:
        gained = "a gain" if pair.difference > 0 else "a loss"
        verdict = f"{gained} beyond the choice of test pieces (each model was trained once)"
    else:
        verdict = "which may be chance"
    if pair.headroom <= 0:
        share = f", and {pair.single} leaves nothing below the ceiling"
    elif pair.difference > 0:
        share = (
            f", {percent(pair.share_of_headroom)} of what {pair.single} leaves below the ceiling"
        )
    else:
        share = ""
    return (
        f"Fusing both ({pair.fusion}) changes mean r by {signed(pair.difference)} against "
        f"{pair.single}, {verdict}{share}. Dimension by dimension fusion wins {len(won)} of 8 and "
        f"loses {len(lost)}; the rest cannot be told apart."
    )


def _response(name: Experiment, found: Counterfactual) -> list[str]:
    if name not in found.models:
        return []
    best = found.models[name]
    labels = found.labels
    moved, asked, ordered = (
        np.diagonal(table)
        for table in (best.factor_effects.change, labels.factor_effects.change, best.doses.ordered)
    )
    if np.isnan(ordered).all():
        return []
    weakest = int(np.nanargmin(ordered))
    own = sum(
        most == factor for most, factor in zip(best.factor_effects.falls_most, FACTORS, strict=True)
    )
    fall, due = (number(-mean_over_dimensions(change), 1) for change in (moved, asked))
    said = [
        f"With one factor at {found.reference_jnd:g} JND and nothing else wrong, the "
        f"dimension of that factor falls by {fall} points on the mean ({name}), where its label "
        f"falls by {due}. Playing 2 JND apart is put in the right order in "
        f"{percent(mean_over_dimensions(ordered))} of pairs, least often for "
        f"{plain(FACTORS[weakest])} ({percent(float(ordered[weakest]))}). {own} of "
        f"{len(FACTORS)} factors lower their own dimension most."
    ]
    if best.recording_invariance is not None:
        change, share = (
            mean_over_dimensions(np.array(figures))
            for figures in (best.recording_invariance.change, best.recording_invariance.share)
        )
        said.append(
            "The same undamaged playing on another piano, in another room or noise is graded "
            f"{number(change, 1)} points differently, {percent(share)} of what "
            f"{found.reference_jnd:g} JND of damage change."
        )
    return said


def findings(summary: Summary) -> list[str]:
    """Return what the figures come to; nothing without experiments."""
    if summary.best is None:
        return []
    said = [_best(summary, summary.experiment(summary.best)), _sides(summary), _fusion(summary)]
    if summary.counterfactual is not None:
        said += _response(summary.best, summary.counterfactual)
    return [sentence for sentence in said if sentence]
