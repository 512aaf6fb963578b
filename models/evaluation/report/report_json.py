"""The content of `report.json` (schema version 3; a number that is not defined is null).

- `schema_version`: 3
- `data`: `corpus`, `recipe`, `kind` ("tiered" or "factored"), `audio_source`, `licence`, `split`
  (the one judged), `segments`, `counts` {split: {tier: samples}}, `compositions` {split: number}
- `settings`: `step_ms` (of the common time grid), `modality_dropout`, `tokens` (what the models
  read notes as)
- `dimensions`: the eight names, in the order of every list [8] below; `factors`: the seven, of [7]
- `findings`: what the figures come to, in sentences
- `gates`: a list of `name`, `asks`, `found`, `passed` (null: could not be judged) and `because`, a
  list of sentences that explain a failure
- `ceiling`: `expected` {`r`, `mae`, `correlation_between_dimensions`, `effective_rank`} from the
  tier table (of a factored recipe: 1, 0, and as the judged labels are), and `on_these_samples`
  {`mean_r`, `mean_mae`, `r` [8], `mae` [8]}
- `baseline`: predicting the training mean: `mean_r` (0 by convention), `mean_mae`, `r`, `mae`
- `experiments`: a list of
  - `name`, `mean_r`, `mean_r_interval` [low, high], `mean_mae`, `mean_mae_interval`,
    `interval_clusters`, `share_of_ceiling_r`, `share_of_headroom_mae`, `within_tier_r`, `r` [8],
    `mae` [8]
  - `validation_r` [8]: in the kept epoch; what a best model is chosen by
  - `confusion`: the fields of `models.evaluation.agreement.confusion.Confusion`
  - `gain_over_audio_only`: of a fusion model beside `audio_only` {`mean_r` (the difference),
    `interval`}, else null
  - `alone`: of a fusion model given one modality {modality: {`mean_r`, `mean_mae`, `r`, `mae`,
    `gain_of_both` {`mean_r`, `interval`}: how far it is above that with both}}
  - `fusion`: of a fusion model, the fields of `FusionFigures` in its kept epoch, else null
  - `dimension_weights` [8]: what uncertainty weighting learnt, the mean over the kept epoch, else
    null
  - `parameters`, `checkpoint`, `training_s`, `best_epoch` (the one kept), `history` [the fields
    of `models.training.history.EpochRecord`]
- `best`: the name of the model of highest mean r on the validation split, null without any
- `pairs`: null without a fusion and a single modality, else `mean` and `dimensions` [8], the
  fields of `models.evaluation.agreement.model_comparison.MeanPair` and `DimensionPair`
- `counterfactual`: null without counterfactual rows, else `families`, `compositions`,
  `without_effect` {factor: share of its rows of which nothing came, which are left out},
  `doses_jnd` [D], `reference_jnd` (the dose nearest to 4 JND, at which movements are taken),
  `labels` and `models` {experiment: the same}:
  - `doses`: `monotone`, `ordered` [7][8] and `curve` {`mean`, `low`, `high` [7][D][8],
    `families` [7][D]: how many have the dose}
  - `factor_effects`: `change`, `low`, `high` [7][8], `own_share` [7], `falls_most` [7] (or null)
  - `recording_invariance`: null without twins, else `spread`, `change`, `share` [8]
  - `modality_reliance`: {"audio_share" or "gate": {`base`, `change`, `low`, `high` [7],
    `other_recording`}}
  with the meaning that `models.evaluation` gives in `dose_response`, `movement`, `nuisance`
  and `leaning`
- `label_structure`, `shortcut_audit`, `transcription`: the fields of the documents in
  `models.evaluation.audits.documents`, null where they were not made
- `pretraining`: null without it, else `best_epoch`, `epochs`, `parameters`, `checkpoint`,
  `training_s`, `val_loss` and `fields` {field: {`cross_entropy`, `unigram_cross_entropy`, in
  nats, `beats_unigram` (null: nothing to guess)}} of the best epoch
- `token_audit`: a list of the fields of `models.evaluation.audits.documents.OperationSurvival`
- `caveats`: sentences
Intervals are 95 %, by a bootstrap over compositions; as lists [low, high], or, inside `pairs`,
{`low`, `high`}.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from labeling.scores import DIMENSIONS
from models.evaluation.agreement.resampling import Gain
from models.evaluation.counterfactuals.families import FACTORS
from models.evaluation.criteria.judgement import judge_gates
from models.evaluation.criteria.limitations import caveats
from models.evaluation.report.findings import findings
from models.evaluation.report.summary import ExperimentSummary, Summary
from models.metrics import Agreement
from models.training.history import EpochRecord
from models.training.pretraining.history import PretrainingResult

SCHEMA_VERSION = 3


def report_json(summary: Summary) -> dict[str, Any]:
    """Return the content of `report.json`; see the module for its schema."""
    evaluation, expected = summary.evaluation, summary.ceiling
    content: dict[str, Any] = without_nan(
        {
            "schema_version": SCHEMA_VERSION,
            "data": {
                "corpus": evaluation.corpus,
                "recipe": evaluation.recipe,
                "kind": evaluation.kind,
                "audio_source": evaluation.audio_source,
                "licence": evaluation.licence,
                "split": evaluation.split,
                "segments": summary.segments,
                "counts": summary.counts,
                "compositions": summary.compositions,
            },
            "settings": {
                "step_ms": evaluation.step_ms,
                "modality_dropout": evaluation.config.fusion.modality_dropout,
                "tokens": evaluation.config.midi_encoder.tokens,
            },
            "dimensions": DIMENSIONS,
            "factors": FACTORS,
            "findings": findings(summary),
            "gates": [asdict(gate) for gate in judge_gates(summary)],
            "ceiling": {
                "expected": {
                    "r": expected.r,
                    "mae": expected.mae,
                    "correlation_between_dimensions": expected.correlation,
                    "effective_rank": expected.effective_rank,
                },
                "on_these_samples": _agreement(summary.ceiling_here),
            },
            "baseline": _agreement(summary.baseline),
            "experiments": [_experiment(found) for found in summary.experiments],
            "best": summary.best,
            "pairs": summary.pairs and asdict(summary.pairs),
            "counterfactual": summary.counterfactual and asdict(summary.counterfactual),
            "label_structure": evaluation.label_structure and asdict(evaluation.label_structure),
            "shortcut_audit": evaluation.shortcut_audit and asdict(evaluation.shortcut_audit),
            "transcription": evaluation.transcription and asdict(evaluation.transcription),
            "pretraining": evaluation.pretraining and _pretraining(evaluation.pretraining),
            "token_audit": [asdict(row) for row in evaluation.token_audit.operations],
            "caveats": caveats(summary),
        }
    )
    return content


def without_nan(value: Any) -> Any:
    """Return JSON content in which what is not a number is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [without_nan(part) for part in value]
    return value


def _agreement(found: Agreement) -> dict[str, Any]:
    return {"mean_r": found.mean_r, "mean_mae": found.mean_mae, "r": found.r, "mae": found.mae}


def _gain(gain: Gain) -> dict[str, Any]:
    return {"mean_r": gain.mean_r, "interval": [gain.interval.low, gain.interval.high]}


def _dimension_weights(kept: EpochRecord) -> list[float] | None:
    names = [f"uncertainty_weight/{dimension}" for dimension in DIMENSIONS]
    return [kept.told[name] for name in names] if names[0] in kept.told else None


def _experiment(experiment: ExperimentSummary) -> dict[str, Any]:
    intervals, training = experiment.intervals, experiment.training
    gain = experiment.gain_over_audio
    return {
        "name": experiment.name,
        **_agreement(experiment.agreement),
        "mean_r_interval": [intervals.mean_r.low, intervals.mean_r.high],
        "mean_mae_interval": [intervals.mean_mae.low, intervals.mean_mae.high],
        "interval_clusters": intervals.clusters,
        "share_of_ceiling_r": experiment.share_of_ceiling_r,
        "share_of_headroom_mae": experiment.share_of_headroom_mae,
        "within_tier_r": experiment.within_tier_r,
        "validation_r": experiment.validation_r,
        "confusion": asdict(experiment.confusion),
        "gain_over_audio_only": gain and _gain(gain),
        "alone": {
            modality: {
                **_agreement(found),
                "gain_of_both": _gain(experiment.gain_over_alone[modality]),
            }
            for modality, found in experiment.alone.items()
        },
        "fusion": experiment.fusion and asdict(experiment.fusion),
        "dimension_weights": _dimension_weights(training.best),
        "parameters": training.parameters,
        "checkpoint": training.checkpoint.name,
        "training_s": training.seconds,
        "best_epoch": training.best.epoch,
        "history": [asdict(record) for record in training.history],
    }


def _pretraining(result: PretrainingResult) -> dict[str, Any]:
    best = result.best
    return {
        "best_epoch": best.epoch,
        "epochs": len(result.history),
        "parameters": result.parameters,
        "checkpoint": result.checkpoint.name,
        "training_s": result.seconds,
        "val_loss": best.val_loss,
        "fields": {
            field: {
                "cross_entropy": best.val_cross_entropy[field],
                "unigram_cross_entropy": unigram,
                "beats_unigram": result.beats_unigram.get(field),
            }
            for field, unigram in best.unigram_cross_entropy.items()
        },
    }
