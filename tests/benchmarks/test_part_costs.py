import contextlib

import pytest
import torch
from torch import nn

from benchmarks.part_costs import as_markdown, cost, part_costs, random_batch, training_rates
from models.config.experiment import ExperimentConfig


def test_memory_is_that_of_weights_and_of_what_is_kept() -> None:
    part = nn.Linear(100, 50)
    entering = torch.randn(8, 100, requires_grad=True)
    found = cost("linear", part, lambda: torch.tanh(part(entering)), half=False)
    assert found.parameters == 100 * 50 + 50
    kept_bytes = 4 * (8 * 100 + 8 * 50)  # what enters, and what tanh returned
    assert found.memory_bytes == 16 * found.parameters + kept_bytes
    assert found.seconds > 0


def test_every_part_and_experiment_is_in_the_table(tiny_config: ExperimentConfig) -> None:
    assert random_batch(tiny_config, 2).scores.shape == (2, 8)
    costs = part_costs(tiny_config, clips=2)
    names = [one.name for one in costs]
    assert names[:2] == ["audio encoder", "MIDI encoder"]
    assert {f"{name}, whole" for name in tiny_config.experiments} <= set(names)
    assert "note detector (frozen, once)" not in names
    whole = {one.name: one.parameters for one in costs}
    assert whole["gated, whole"] > whole["MIDI encoder"] + whole["audio encoder"]
    lines = as_markdown(costs, 2).splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == len(costs) + 2


def test_what_is_frozen_is_in_no_whole_model(
    tiny_config: ExperimentConfig, demo_config: ExperimentConfig
) -> None:
    hears = tiny_config.model_copy(
        update={"hearing": demo_config.hearing, "experiments": ["midi_only", "audio_only"]}
    )
    found = {one.name: one.parameters for one in part_costs(hears, clips=1)}
    assert found["note detector (frozen, once)"] > found["audio_only, whole"] > 0


def test_training_is_timed_with_each_number_of_threads(
    tiny_config: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.part_costs.RATE_S", 0.01)
    used: list[int] = []
    monkeypatch.setattr(
        "benchmarks.part_costs.torch_threads", lambda n: used.append(n) or contextlib.nullcontext()
    )
    rates = training_rates("concat", tiny_config, [1, 2])
    assert list(rates) == [1, 2]
    assert all(rate > 0 for rate in rates.values())
    assert used[:4] == [1, 2, 1, 2]
