import dataclasses
import math

import numpy as np
import pytest

from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment
from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.training.history import EpochRecord

WATCHED = FusionDiagnostics(
    gate_mean=None,
    gate_spread=None,
    audio_share=0.4,
    attention_entropy={"pooling": 0.9},
    attention_share={},
    retrieval_at_1=0.2,
    retrieval_clips=16,
    retrieval_chance=1 / 16,
    cka=0.3,
    shift_steps=1,
    shift_cka=0.2,
)
GATED = dataclasses.replace(
    WATCHED, gate_mean=tuple(np.linspace(0.2, 0.8, 12)), gate_spread=(0.1,) * 12
)
SIDES = {"audio_to_midi": 0.5, "midi_to_audio": 0.6}
CROSSED = dataclasses.replace(
    WATCHED, attention_entropy={"pooling": 0.9, **SIDES}, attention_share=SIDES
)


def epoch(number: int, experiment: Experiment) -> EpochRecord:
    return EpochRecord(
        epoch=number,
        train_loss=1 / number,
        terms={"huber": 0.5, "coral": 0.5},
        logged={"bootstrap_moved": 0.1, **{f"uncertainty_weight/{one}": 1.0 for one in DIMENSIONS}},
        val_loss=2 / number,
        val_r=(0.5,) * 8,
        val_mae=(4.0,) * 8,
        gradient_norms={"audio": 1.0, "midi": 2.0},
        diagnostics=GATED if experiment == "gated" else CROSSED,
        learning_rate=0.01,
        samples_per_s=100.0,
        wait_share=0.05,
        seconds=1.0,
    )


@pytest.mark.parametrize("experiment", ["gated", "crossattn"])
def test_an_epoch_shows_every_kind_of_figure(experiment: Experiment) -> None:
    shown = epoch(2, experiment).curves()
    kinds = {name.partition(": ")[0] for name in shown}
    expected = {
        "loss", "loss term", "r", "MAE", "gradient norm", "share", "attention entropy",
        "alignment", "best shift", "uncertainty weight", "data", "learning rate",
    }  # fmt: skip
    assert expected <= kinds
    assert ("gate" in kinds) == (experiment == "gated")
    assert ("share: audio_to_midi" in shown) == (experiment == "crossattn")
    for kind in ("r", "MAE"):
        assert {f"{kind}: {name}" for name in ("mean", *DIMENSIONS)} <= set(shown)
    assert shown["loss: training"] == 1 / 2


def test_a_figure_that_is_undefined_is_left_out() -> None:
    undefined = dataclasses.replace(epoch(1, "gated"), val_r=(math.nan,) * 8)
    assert not any(name.startswith("r: ") for name in undefined.curves())
