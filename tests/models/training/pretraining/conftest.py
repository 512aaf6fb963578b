from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance, snap, sort_notes
from models.config.experiment import ExperimentConfig, load_experiment

TRAIN, VALIDATION = 24, 10
"""Performances of each split; each has 160 notes in 32 to 40 s."""


@dataclass(frozen=True)
class Memory:
    """A source whose performances lie in memory, by split and id."""

    performances: Mapping[str, Mapping[str, Performance]]

    def __call__(
        self, split: str, rng: np.random.Generator | None
    ) -> Iterator[tuple[str, Performance]]:
        names = sorted(self.performances.get(split, {}))
        for place in range(len(names)) if rng is None else rng.permutation(len(names)):
            yield names[place], self.performances[split][names[place]]


def perform(
    onset_s: np.ndarray, length_s: np.ndarray, pitch: np.ndarray, velocity: np.ndarray
) -> Performance:
    """Notes under a pedal that is held and changed each two seconds."""
    notes = np.zeros(len(onset_s), NOTE_DTYPE)
    notes["onset_s"] = snap(onset_s)
    notes["offset_s"] = snap(onset_s + length_s)
    notes["pitch"], notes["velocity"] = pitch, velocity
    notes = sort_notes(notes)
    notes["note_id"] = np.arange(len(notes))
    duration_s = float(np.ceil(notes["offset_s"].max(initial=1.0)))
    pedal = np.zeros(2 * int(duration_s // 2), PEDAL_DTYPE)
    pedal["time_s"] = np.repeat(np.arange(len(pedal) // 2) * 2.0, 2)
    pedal["time_s"][1::2] += 0.1
    pedal["controller"], pedal["value"][1::2] = SUSTAIN, 127
    return Performance(notes=notes, pedal=pedal, duration_s=duration_s)


def arpeggios(rng: np.random.Generator, notes: int) -> Performance:
    """One broken chord over and over, always as loud: what a note is follows from its place."""
    place = np.arange(notes)
    pitch = int(rng.choice([40, 60])) + np.array([0, 4, 7, 12])[place % 4]
    velocity = int(rng.choice([40, 80])) + 8 * (place % 2)
    return perform(place * 0.25, np.full(notes, 0.2), pitch, velocity)


def noise(rng: np.random.Generator, notes: int) -> Performance:
    """Notes that tell nothing of each other."""
    onset_s = np.cumsum(rng.uniform(0.12, 0.3, notes))
    # Shorter than any gap, so that no key is struck while it is held.
    length_s = rng.choice([0.02, 0.05, 0.1], notes)
    return perform(onset_s, length_s, rng.integers(60, 72, notes), rng.integers(32, 96, notes))


def corpus(play: Callable[[np.random.Generator, int], Performance]) -> Memory:
    rng = np.random.default_rng(3)
    return Memory(
        {
            split: {f"{split} {number}": play(rng, 160) for number in range(count)}
            for split, count in {"train": TRAIN, "validation": VALIDATION, "test": 1}.items()
        }
    )


@pytest.fixture(scope="session")
def music() -> Memory:
    return corpus(arpeggios)


@pytest.fixture(scope="session")
def random_notes() -> Memory:
    return corpus(noise)


@pytest.fixture(scope="session")
def config() -> ExperimentConfig:
    """The demo's experiment with a tiny encoder and a short pretraining."""
    demo = Path(__file__).parents[4] / "configs" / "experiments" / "demo.yaml"
    tiny = load_experiment(demo).model_dump()
    tiny["torch_threads"] = 1
    tiny["midi_encoder"] |= {
        "tokens": "performance", "width": 16, "layers": 1, "heads": 2, "feedforward": 16,
        "dropout": 0.1,
    }  # fmt: skip
    tiny["pretraining"] = {
        "epochs": 3, "batch_size": 16, "learning_rate": 0.003, "weight_decay": 0.01,
        "warmup_share": 0.1, "gradient_norm_limit": 1.0, "window_s": 10.0, "mask_share": 0.15,
    }  # fmt: skip
    tiny["training"] |= {"shuffle_buffer_examples": 64, "progress_every_s": 1000.0}
    return ExperimentConfig.model_validate(tiny)
