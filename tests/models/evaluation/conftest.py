"""A synthetic evaluation of all five experiments, without a training."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, MODALITIES, Experiment, load_experiment
from models.diagnostics import FusionDiagnostics
from models.evaluation.ceilings import TierScores
from models.evaluation.summary import Evaluation, Outcome, TierSound
from models.history import EpochRecord
from models.identity import Origin
from models.pretraining.history import PretrainingEpoch, PretrainingResult
from models.tokens.audit import AuditRow
from models.train import TrainingResult

DEMO = Path(__file__).parents[3] / "configs" / "experiments" / "demo.yaml"
TIERS = tuple(
    TierScores(name=name, probability=share, low=low, high=high)
    for name, share, low, high in (
        ("pristine", 0.3, 95, 100),
        ("good", 0.3, 80, 95),
        ("moderate", 0.25, 65, 80),
        ("poor", 0.15, 50, 65),
    )
)
CHANNELS = 32
EPOCHS = 6
AUDIT = tuple(
    AuditRow(
        tokeniser=tokeniser, tier=tier, operation=operation, strength=strength, unit=unit,
        aspect=aspect, changed_notes=changed, seen_share=seen, survival=survival,
        notes=40_000, notes_lost=0,
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
    history=tuple(
        PretrainingEpoch(
            epoch=epoch, train_loss=2.5 / epoch, val_loss=3.8 / epoch,
            val_cross_entropy={"pitch": 4.4 / epoch, "velocity": 4.2, "tempo": 0.0},
            unigram_cross_entropy={"pitch": 3.877, "velocity": 3.151, "tempo": 0.0},
            learning_rate=1e-3, notes_per_s=900.0, seconds=40.0,
        )
        for epoch in (1, 2)
    ),
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
        told={
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
) -> Outcome:
    def table(scores: np.ndarray) -> pd.DataFrame:
        made = pd.DataFrame(scores, columns=list(DIMENSIONS))
        made.insert(0, "sample_id", judged["sample_id"].to_numpy())
        return made.sample(frac=1, random_state=0)

    training = TrainingResult(
        experiment=name,
        origin=Origin(identity="0", table_versions={"pairs": 0}),
        checkpoint=Path(f"{name}-epoch=05-val_loss=0.1175.pt"),
        parameters=123_456,
        history=tuple(record(name, epoch) for epoch in range(1, EPOCHS + 1)),
    )
    return Outcome(
        training=training,
        predictions=table(predicted),
        alone={side: table(scores) for side, scores in (alone or {}).items()},  # type: ignore[misc]
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
            )
            for name in EXPERIMENTS
        ),
        token_audit=tuple(map(dataclasses.asdict, AUDIT)),
        pretraining=PRETRAINING,
        config=load_experiment(DEMO),
        seed=1,
    )
