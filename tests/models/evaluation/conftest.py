"""A synthetic evaluation of all five experiments, without a training."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, SINGLES, Experiment, load_experiment
from models.config.hearing import DetectorConfig
from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.evaluation.agreement.resampling import AgreementIntervals, Gain, Interval
from models.evaluation.audits.documents import (
    DimensionCeiling,
    Importance,
    LabelShape,
    LabelStructure,
    OnsetFigures,
    OperationSurvival,
    ScoreProbe,
    ShortcutAudit,
    StatisticSet,
    System,
    SystemGain,
    SystemScore,
    TierProbe,
    TokenAudit,
    TranscribedSplit,
    TranscriptionAudit,
)
from models.evaluation.audits.thresholds import Bound, Threshold, ThresholdVerdict, Verdict
from models.evaluation.counterfactuals.families import Families, arrange
from models.evaluation.report.build import build_report
from models.evaluation.report.document import Report, TierSound
from models.evaluation.report.evaluation import Evaluation, Outcome
from models.metrics import Agreement, agreement
from models.training.hearing.result import HearingEpoch, HearingResult, NoteScores
from models.training.history import EpochRecord
from models.training.pretraining.result import PretrainingEpoch, PretrainingResult
from models.training.result import TrainingResult
from tests.models.evaluation.counterfactuals.made_families import (
    MODELS,
    TIERS,
    Model,
    follows_one,
    grade,
    hears_trouble,
    knows_all,
    make_families,
    reads_notes,
    score,
    tier_names,
)
from tests.models.evaluation.made_records import model_record

DEMO = Path(__file__).parents[3] / "configs" / "experiments" / "demo.yaml"
CHANNELS = 32
EPOCHS = 6
AUDIT = tuple(
    OperationSurvival(
        tokeniser=tokeniser, tier=tier, operation=operation, strength=strength, unit=unit,
        aspect=aspect, changed_notes=changed, seen_share=seen, survival=survival,
        notes_lost=0,
    )
    for tokeniser, tier, operation, strength, unit, aspect, changed, seen, survival in (
        ("performance", "good", "onset_jitter", 10.0, "ms", "onset", 18_111, 0.972, 0.998),
        ("performance", "poor", "wrong_notes", 5.0, "%", "pitch", 911, 1.0, 1.0),
        ("performance", "poor", "dynamics_compression", 50.0, "%", None, 0, None, None),
        ("octuple", "good", "onset_jitter", 10.0, "ms", "onset", 18_111, 0.263, 0.212),
        ("octuple", "poor", "wrong_notes", 5.0, "%", "pitch", 911, 1.0, 1.0),
        ("octuple", "poor", "dynamics_compression", 50.0, "%", None, 0, None, None),
    )
)  # fmt: skip
PRETRAINING = PretrainingResult(
    identity="0",
    checkpoint=Path("midi_pretrain-epoch=02-val_loss=1.9000.pt"),
    parameters=98_765,
    epochs=tuple(
        PretrainingEpoch(
            epoch=epoch, train_loss=2.5 / epoch, val_loss=3.8 / epoch,
            val_cross_entropy={"pitch": 4.4 / epoch, "velocity": 4.2, "tempo": 0.0},
            unigram_cross_entropy={"pitch": 3.877, "velocity": 3.151, "tempo": 0.0},
            learning_rate=1e-3, notes_per_s=900.0, seconds=40.0,
        )
        for epoch in (1, 2)
    ),
)  # fmt: skip


HEARING = HearingResult(
    identity="0",
    checkpoint=Path("audio_pretrain-epoch=02-val_loss=2.6500.pt"),
    parameters=54_321,
    epochs=tuple(
        HearingEpoch(
            epoch=epoch, train_loss=4.5 / epoch, val_loss=5.3 / epoch, learning_rate=1e-3,
            recorded=NoteScores(onset_f1=0.4 * epoch, offset_f1=0.2, velocity_f1=0.3, pedal_f1=0.7),
            clean=NoteScores(onset_f1=0.45 * epoch, offset_f1=0.2, velocity_f1=0.3, pedal_f1=0.7),
            clips_per_s=5.0, reading_share=0.05, spectra_share=0.1, seconds=700.0,
        )
        for epoch in (1, 2)
    ),
    detector=DetectorConfig(key_channels=2, context_width=4, context_blocks=1),
)  # fmt: skip


def threshold(
    name: str, bound: Bound, number: float, value: float, verdict: Verdict
) -> ThresholdVerdict:
    return ThresholdVerdict(
        threshold=Threshold(name=name, bound=bound, number=number),
        value=value, interval=Interval(value - 0.02, value + 0.02), compositions=40,
        verdict=verdict,
    )  # fmt: skip


KINDS: tuple[StatisticSet, ...] = ("recording", "dry", "notes")
LABEL_STRUCTURE = LabelStructure(
    shape=LabelShape(
        rows=5_000, correlation=tuple(map(tuple, (0.2 + 0.8 * np.eye(8)).tolist())), constant=(),
        pair=(DIMENSIONS[0], DIMENSIONS[1]),
        thresholds=(
            threshold("effective rank", "at least", 4, 6.1, "holds"),
            threshold("largest correlation", "at most", 0.6, 0.59, "undecided"),
        ),
    ),
    observable=tuple(
        DimensionCeiling(dimension=one, r=0.9 + 0.01 * i, r2=0.8)
        for i, one in enumerate(DIMENSIONS)
    ),
)  # fmt: skip
SHORTCUT_AUDIT = ShortcutAudit(
    counts={tier.name: 300 for tier in TIERS}, compositions=40,
    threshold=threshold(
        "balanced accuracy above chance and control", "at most", 0.05, 0.31, "fails"
    ),
    tiers=tuple(
        TierProbe(
            statistics=kind, balanced_accuracy=accuracy,
            interval=Interval(accuracy - 0.03, accuracy + 0.03),
            recall={tier.name: accuracy for tier in TIERS},
            importances=tuple(
                Importance(statistic=name, meaning=name, drop=drop)
                for name, drop in (("level_db", 0.01), ("noise_floor_db", 0.2))
            ),
        )
        for kind, accuracy in zip(KINDS, (0.71, 0.4, 0.42), strict=True)
    ),
    scores=tuple(
        ScoreProbe(statistics=kind, dimension=one, r=0.123, r2=0.01)
        for kind in KINDS
        for one in DIMENSIONS
    ),
)  # fmt: skip
TRUE, TRANSCRIBED = System("midi_only", "true"), System("midi_only", "transcribed")


TRANSCRIPTION = TranscriptionAudit(
    transcriber="transkun 2.0.1",
    models={"midi_only": "0"},
    splits={
        "test": TranscribedSplit(
            rows_in_split=180, rows_asked=96, rows_without_notes=0, rows=96, compositions=3,
            onsets=OnsetFigures(
                f1=0.912, precision=0.95, recall=0.88, onset_spread_ms=4.2, velocity_error=None,
                pedal_agreement=0.7,
            ),
            f1_by_tier={"poor": 0.81},
            systems=tuple(
                SystemScore(
                    system=system,
                    agreement=Agreement(
                        r=(r,) * 8, mae=(4.0,) * 8, mean_r=r, mean_mae=4.0, mean_bias=0.0
                    ),
                    intervals=AgreementIntervals(
                        mean_r=Interval(r - 0.1, r + 0.1), mean_mae=Interval(3.5, 4.5)
                    ),
                )
                for system, r in ((TRUE, 0.701), (TRANSCRIBED, 0.512))
            ),
            gains=(
                SystemGain(
                    system=TRANSCRIBED,
                    over=TRUE,
                    gain=Gain(mean_r=-0.189, interval=Interval(-0.25, -0.11)),
                ),
            ),
        )
    },
)  # fmt: skip


def diagnostics(name: Experiment, epoch: int) -> FusionDiagnostics:
    fusion, rng = len(MODALITIES[name]) > 1, np.random.default_rng(epoch)
    gate = np.sort(rng.beta(3, 2, CHANNELS)) if name == "gated" else None
    asks = ("audio_to_midi", "midi_to_audio") if name == "crossattn" else ()
    return FusionDiagnostics(
        gate_mean=None if gate is None else tuple(gate.tolist()),
        gate_spread=None if gate is None else tuple((0.3 * gate * (1 - gate)).tolist()),
        audio_share=0.5 + 0.04 * epoch + 0.01 * len(name) if fusion else None,
        attention_entropy={"pooling": 0.8314, **dict.fromkeys(asks, 0.7123)},
        attention_share=dict(zip(asks, (0.3127, 0.4219), strict=False)),
        retrieval_at_1=min(0.9, 0.1 * epoch + 0.01 * len(name)) if fusion else None,
        retrieval_clips=250 if fusion else 0,
        retrieval_chance=0.004 if fusion else None,
        cka=-0.0127 * epoch if fusion else None,
        shift_steps=1 if fusion else None,
        shift_cka=0.2345 if fusion else None,
    )


def record(name: Experiment, epoch: int) -> EpochRecord:
    fall = np.exp(-epoch / 2)
    terms = {"huber": 1.2 * fall - 0.2, "ranking": 0.08 * fall, "coral": 0.9 * fall + 0.2}
    if len(MODALITIES[name]) > 1:
        terms["contrastive"] = 0.3 * fall
    r = 0.65 if name == "midi_only" else 0.96
    return EpochRecord(
        epoch=epoch,
        train_loss=sum(terms.values()),
        terms=terms,
        logged={
            "huber_plain": 0.8 * fall + 0.02,
            **{f"uncertainty_weight/{one}": 1.5 + 0.1 * i for i, one in enumerate(DIMENSIONS)},
        },
        val_loss=0.7 * fall + 0.05 + 0.01 * max(0, epoch - 4) ** 2,
        val_r=tuple(r * (1 - fall) for _ in DIMENSIONS),
        val_mae=tuple(3 + 5 * fall for _ in DIMENSIONS),
        gradient_norms={side: 0.5 * fall + 0.01 * len(side) for side in sorted(MODALITIES[name])},
        diagnostics=diagnostics(name, epoch),
        learning_rate=1e-3,
        samples_per_s=104.0,
        wait_share=0.07,
        seconds=25.0,
    )


def outcome(
    name: Experiment,
    judged: pd.DataFrame,
    predicted: np.ndarray,
    alone: dict[str, np.ndarray] | None = None,
    counterfactual: pd.DataFrame | None = None,
    validation: pd.DataFrame | None = None,
) -> Outcome:
    def table(scores: np.ndarray, rows: pd.DataFrame = judged) -> pd.DataFrame:
        made = pd.DataFrame(scores, columns=list(DIMENSIONS))
        made.insert(0, "sample_id", rows["sample_id"].to_numpy())
        return made.sample(frac=1, random_state=0)

    training = TrainingResult(
        experiment=name,
        identity="0",
        checkpoint=Path(f"{name}-epoch=05-val_loss=0.1175.pt"),
        parameters=123_456,
        epochs=tuple(record(name, epoch) for epoch in range(1, EPOCHS + 1)),
    )
    return Outcome(
        training=training,
        record=model_record(name) if name != "concat" else None,
        predictions=table(predicted),
        alone={side: table(scores) for side, scores in (alone or {}).items()},  # type: ignore[misc]
        counterfactual=counterfactual,
        validation=(
            None
            if validation is None or name not in SINGLES.values()
            else table(
                validation[list(DIMENSIONS)].to_numpy()
                + np.random.default_rng(len(name)).normal(0, 4, (len(validation), 8)),
                validation,
            )
        ),
    )


def make_samples() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for split, pieces in (("train", 6), ("validation", 2), ("test", 3)):
        for index in range(60 * pieces):
            tier = TIERS[rng.choice(4, p=[tier.probability for tier in TIERS])]
            scores = rng.uniform(tier.low, tier.high, 8)
            rows.append(
                {
                    "sample_id": f"{split}-{index}", "split": split, "tier": tier.name,
                    "composition": f"{split} {index % pieces} <&>",
                    "segment_id": f"{split} {index // 4}",
                    **dict(zip(DIMENSIONS, scores, strict=True)),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    """audio_only classifies tiers, midi_only is unsure of them; gated knows the truth."""
    samples, rng = make_samples(), np.random.default_rng(1)
    judged = samples[samples["split"] == "test"]
    true = judged[list(DIMENSIONS)].to_numpy()
    middle = {tier.name: tier.middle for tier in TIERS}
    classified = np.repeat([[middle[tier]] for tier in judged["tier"]], 8, axis=1)
    unsure = 75 + 0.5 * (classified - 75) + rng.normal(0, 8, classified.shape)
    mean = np.broadcast_to(
        samples[samples["split"] == "train"][list(DIMENSIONS)].mean(), true.shape
    )
    near = classified + rng.normal(0, 2, classified.shape)
    predicted = {
        "audio_only": classified,
        "midi_only": unsure,
        "crossattn": near,
        "gated": true,
        "concat": classified + rng.normal(0, 0.01, classified.shape),
    }
    return Evaluation(
        recipe="phase2",
        kind="tiered",
        audio_source="rendered",
        corpus="a <small> corpus",
        licence="CC0",
        samples=samples,
        split="test",
        tiers=TIERS,
        sounds={
            tier.name: TierSound(snr_db=snr_db, band_hz=None)
            for tier, snr_db in zip(TIERS, (None, 35.0, 25.0, 20.0), strict=True)
        },
        outcomes=tuple(
            outcome(
                name,
                judged,
                predicted[name],
                {"audio": near, "midi": mean} if len(MODALITIES[name]) > 1 else None,
                validation=samples[samples["split"] == "validation"],
            )
            for name in predicted
        ),
        token_audit=TokenAudit(operations=AUDIT),
        label_structure=None,
        shortcut_audit=None,
        transcription=None,
        pretraining=PRETRAINING,
        hearing=HEARING,
        config=load_experiment(DEMO),
        seed=1,
    )


@pytest.fixture(scope="session")
def families() -> pd.DataFrame:
    return make_families()


@pytest.fixture(scope="session")
def factored(evaluation: Evaluation, families: pd.DataFrame) -> Evaluation:
    """Gated knows all but for noise, audio_only hears trouble, midi_only reads notes."""
    rng = np.random.default_rng(2)
    rows = evaluation.samples.copy()
    severity = rng.gamma(0.8, 1.5, (len(rows), 7)).clip(0, 8)
    rows[[f"severity_{factor}" for factor in DIMENSIONS[:-1]]] = severity
    rows["nuisance"] = rng.integers(0, 4, len(rows))
    rows[list(DIMENSIONS)] = score(severity)
    rows["tier"] = tier_names(score(severity))
    rows = rows.assign(family=None, varied=None, varied_severity_jnd=np.nan)
    judged = rows[rows["split"] == "test"]

    def nearly(rows: pd.DataFrame) -> np.ndarray:
        return knows_all(rows) + np.random.default_rng(5).normal(0, 2, (len(rows), 8))

    def halfway(rows: pd.DataFrame) -> np.ndarray:
        return (hears_trouble(rows) + reads_notes(rows)) / 2

    models: dict[Experiment, Model] = {
        "audio_only": hears_trouble,
        "midi_only": reads_notes,
        "crossattn": follows_one,
        "gated": nearly,
        "concat": halfway,
    }
    outcomes = []
    for name, model in models.items():
        figures = {}
        if len(MODALITIES[name]) > 1:
            dosed = (families["varied"] == "tone_quality") * families["varied_severity_jnd"]
            figures["audio_share"] = 0.5 + 0.02 * dosed + rng.normal(0, 0.01, len(families))
        if name == "gated":
            figures["gate"] = figures["audio_share"] + 0.05
        alone = {"audio": hears_trouble(judged), "midi": reads_notes(judged)}
        made = outcome(
            name,
            judged,
            model(judged),
            alone if len(MODALITIES[name]) > 1 else None,
            grade(families, model, **figures),
        )
        r = agreement(judged[list(DIMENSIONS)].to_numpy(), model(judged)).r
        epochs = tuple(dataclasses.replace(one, val_r=r) for one in made.training.epochs)
        training = dataclasses.replace(made.training, epochs=epochs)
        outcomes.append(dataclasses.replace(made, training=training))
    return dataclasses.replace(
        evaluation,
        recipe="factored",
        kind="factored",
        samples=pd.concat([rows, families], ignore_index=True),
        sounds={},
        outcomes=tuple(outcomes),
        label_structure=LABEL_STRUCTURE,
        shortcut_audit=SHORTCUT_AUDIT,
        transcription=TRANSCRIPTION,
    )


@pytest.fixture(scope="session")
def report(evaluation: Evaluation) -> Report:
    return build_report(evaluation)


@pytest.fixture(scope="session")
def factored_report(factored: Evaluation) -> Report:
    return build_report(factored)


@pytest.fixture(scope="session")
def graded(families: pd.DataFrame) -> Callable[[str], Families]:
    """The scores that one of `MODELS` gives the families."""

    def by(model: str) -> Families:
        given = families[["sample_id", "family", "composition", "varied", "varied_severity_jnd"]]
        return arrange(given.merge(grade(families, MODELS[model])), DIMENSIONS)

    return by
