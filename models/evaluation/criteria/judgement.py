"""The gates of a summary, judged."""

from models.config.experiment import MODALITIES
from models.evaluation.criteria.acceptance import (
    Gate,
    both_used_gate,
    fusion_gate,
    learnt_gate,
    nuisance_gate,
    order_gate,
    own_dimension_gate,
)
from models.evaluation.criteria.audit_acceptance import audit_gates, mean_observable_r
from models.evaluation.criteria.diagnosis import SINGLES, Evidence
from models.evaluation.report.summary import Summary


def evidence(summary: Summary) -> Evidence | None:
    """Return what is known of the best fusion beside the best single modality."""
    if summary.pairs is None:
        return None
    fusion = summary.experiment(summary.pairs.mean.fusion)
    if fusion.fusion is None:
        raise ValueError(f"{fusion.name} was compared as a fusion, and has no figures of one")
    r = {one.name: one.agreement.mean_r for one in summary.experiments}
    return Evidence(
        pair=summary.pairs.mean,
        compositions=summary.compositions[summary.evaluation.split],
        alone_r={modality: found.mean_r for modality, found in fusion.alone.items()},
        single_r={modality: r[name] for modality, name in SINGLES.items() if name in r},
        observable_r=mean_observable_r(summary.evaluation.label_structure),
        figures=fusion.fusion,
        kept_epoch=fusion.training.best.epoch,
        last_epoch=fusion.training.history[-1].epoch,
    )


def judge_gates(summary: Summary) -> list[Gate]:
    """Return every gate: what all recipes have, the counterfactual ones, those of the audits."""
    models = {one.name: (one.agreement, one.intervals) for one in summary.experiments}
    gates = [learnt_gate(models, summary.baseline), fusion_gate(evidence(summary))]
    if any(len(MODALITIES[one.name]) > 1 for one in summary.experiments):
        fusion = summary.pairs and summary.experiment(summary.pairs.mean.fusion)
        gates.append(
            both_used_gate(
                fusion.name if fusion else None,
                fusion.gain_over_alone if fusion else {},
                summary.compositions[summary.evaluation.split],
            )
        )
    found = summary.counterfactual
    if found and summary.best and summary.best in found.models:
        best, dose_jnd = summary.best, found.reference_jnd
        gates += [
            order_gate(best, found.models),
            own_dimension_gate(best, found.models[best], dose_jnd),
            nuisance_gate(best, found.models, dose_jnd),
        ]
    evaluation = summary.evaluation
    return gates + audit_gates(evaluation.label_structure, evaluation.shortcut_audit)
