import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment
from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.training.history import EpochRecord
from models.training.pretraining.history import PretrainingEpoch
from pipelines.assets.training import gates_of
from pipelines.pictures.training_curves import curves, curves_metadata, panels_of

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
        told={"bootstrap_moved": 0.1, **{f"uncertainty_weight/{one}": 1.0 for one in DIMENSIONS}},
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
def test_every_figure_of_an_epoch_is_in_a_panel(experiment: Experiment) -> None:
    epochs = [epoch(number, experiment).curves() for number in (1, 2, 3)]
    panels = panels_of(epochs)
    drawn = {f"{title}: {line}" for title, lines in panels.items() for line in lines}
    assert drawn == set(epochs[0])
    expected = {
        "loss", "loss term", "r", "MAE", "gradient norm", "share", "attention entropy",
        "alignment", "best shift", "uncertainty weight", "data", "learning rate",
    }  # fmt: skip
    assert expected <= set(panels)
    assert ("gate" in panels) == (experiment == "gated")
    assert set(panels["r"]) == set(panels["MAE"]) == {"mean", *DIMENSIONS}
    assert panels["loss"]["training"] == [1, 1 / 2, 1 / 3]
    assert ("audio_to_midi" in panels["share"]) == (experiment == "crossattn")


def test_a_figure_that_one_epoch_lacks_leaves_a_gap() -> None:
    assert panels_of([{"r: mean": 0.1}, {}, {"r: mean": 0.3}]) == {"r": {"mean": [0.1, None, 0.3]}}


def test_the_gate_is_shown_channel_by_channel() -> None:
    history = [epoch(number, "gated") for number in (1, 2)]
    gates = gates_of(history)
    assert set(gates) == {"gate: mean a channel", "gate: spread a channel"}
    assert [len(values) for values in gates["gate: mean a channel"]] == [12, 12]
    assert gates_of([epoch(1, "crossattn")]) == {}
    panels = panels_of([record.curves() for record in history])
    with_gate, without = curves(panels, gates), curves(panels, {})
    assert Image.open(io.BytesIO(with_gate)).size[1] >= Image.open(io.BytesIO(without)).size[1]
    assert len(with_gate) > len(without)


def test_a_pretraining_is_drawn_too() -> None:
    record = PretrainingEpoch(
        epoch=1, train_loss=2.0, val_loss=2.1, val_cross_entropy={"pitch": 3.0},
        unigram_cross_entropy={"pitch": 3.6}, learning_rate=0.01, notes_per_s=1000.0, seconds=2.0,
    )  # fmt: skip
    assert {"loss", "cross-entropy", "unigram"} <= set(panels_of([record.curves()]))
    assert "data:image/png;base64," in str(curves_metadata([record.curves()]).value)
