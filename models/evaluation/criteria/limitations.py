"""What a page opens with, and what to know before quoting a figure of it."""

import math
from collections.abc import Sequence

import numpy as np

from models.config.experiment import MODALITIES, Experiment
from models.evaluation.agreement.resampling import FEWEST_COMPOSITIONS
from models.evaluation.criteria.verdict import Verdict, verdict
from models.evaluation.report.document import Report
from models.metrics import mean_over_dimensions


def headline(report: Report) -> tuple[Verdict, ...]:
    """Return how good the best model is, what it does with one fault or what fusing adds.

    And, where there are plain measures, which networks do no better.

    Nothing without experiments.
    """
    if report.best is None:
        return ()
    best = report.model(report.best).agreement
    found = verdict(
        "best_model",
        model=report.best,
        r=best.mean_r,
        mae=best.mean_mae,
        baseline_mae=report.baseline.mean_mae,
        ceiling_r=report.ceiling.mean_r,
    )
    more = _response(report, report.best) or _fusion(report) or _sides(report)
    return tuple(one for one in (found, more, _plain(report)) if one)


def _plain(report: Report) -> Verdict | None:
    """Return which networks do no better than plain measures; None where none was trained."""
    found = {one.name: one.agreement for one in report.models}
    plain = found.pop("heuristics_only", None)
    if plain is None or not found:
        return None
    no_better = tuple(
        str(name)
        for name, one in found.items()
        if not (one.mean_r > plain.mean_r and one.mean_mae < plain.mean_mae)
    )
    return verdict("beside_plain_measures", r=plain.mean_r, no_better=no_better)


def _sides(report: Report) -> Verdict:
    names = tuple(str(one.name) for one in report.models)
    r = tuple(one.agreement.mean_r for one in report.models)
    return verdict("only_models", models=names, r=r)


def _response(report: Report, best: Experiment) -> Verdict | None:
    """Return how the best model responds to one fault; None where no order is known."""
    changed = report.counterfactual
    if changed is None or best not in changed.models:
        return None
    found = changed.models[best]
    ordered = own_mean(found.doses.ordered)
    if math.isnan(ordered):
        return None
    return verdict(
        "response",
        model=best,
        jnd=changed.reference_jnd,
        fall=-own_mean(found.factor_effects.change),
        due=-own_mean(changed.labels.factor_effects.change),
        ordered=ordered,
    )


def own_mean(table: Sequence[Sequence[float]]) -> float:
    """Return the mean of each factor's figure in its own dimension, where it is defined."""
    return mean_over_dimensions(np.array([row[place] for place, row in enumerate(table)]))


def _fusion(report: Report) -> Verdict | None:
    pair = report.fusion_pair
    if pair is None:
        return None
    sure = report.data.pieces >= FEWEST_COMPOSITIONS and pair.interval.excludes_zero
    helps = "helps" if pair.difference > 0 else "does not help"
    return verdict(
        "fusion",
        helps=helps if sure else "has not been shown to help",
        fusion=pair.fusion,
        single=pair.single,
        difference=pair.difference,
        share=pair.share_of_headroom if sure and pair.difference > 0 else math.nan,
    )


def _shortcut(report: Report) -> Verdict | None:
    """Return what to know of models that are given audio, when the sound tells the tier."""
    sounds = report.data.sounds
    models = tuple(str(one.name) for one in report.models if "audio" in MODALITIES[one.name])
    if len(set(sounds.values())) < 2 or not models:
        return None
    snrs = len({sound.snr_db for sound in sounds.values()})
    return verdict(
        "sound_tells_tier",
        what="noise" if snrs > 1 else "pass band",
        of="each tier" if snrs == len(sounds) else "some tiers",
        recipe=report.data.recipe,
        models=models,
    )


def limitations(report: Report) -> tuple[Verdict, ...]:
    """Return what limits these figures, most important first."""
    kind = "one_signal" if report.data.kind == "tiered" else "severity_labels"
    found = [_shortcut(report), verdict(kind, ceiling_r=report.ceiling.mean_r)]
    if report.data.audio_source == "recorded":
        found.append(verdict("damage_not_in_sound"))
    if report.models:
        found.append(verdict("trained_once"))
    found.append(verdict("no_listeners"))
    return tuple(one for one in found if one)
