"""Synthetic music for the operations, and windows of real performances."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from degradation.factored import FactoredRecipe
from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_CONTROLLERS,
    PEDAL_DTYPE,
    Performance,
    cut_window,
    latest_onset,
    release_before_restrike,
    snap,
)
from degradation.recipe import load_recipe
from degradation.seeds import stream
from degradation.tiered import TieredRecipe
from storage.midi import read_midi

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]

RECIPES = Path(__file__).parents[2] / "configs" / "recipes"


def _assemble(
    notes: Sequence[tuple[float, float, int, int]] = (),
    pedal: Sequence[tuple[float, int, int]] = (),
    duration_s: float = 10.0,
) -> Performance:
    table = np.array([(at, *note) for at, note in enumerate(notes)], dtype=NOTE_DTYPE)
    movements = np.array(list(pedal), dtype=PEDAL_DTYPE)
    movements["time_s"] = snap(movements["time_s"])
    return Performance(
        notes=release_before_restrike(table, latest_onset(duration_s)),
        pedal=movements,
        duration_s=duration_s,
    )


def _compose(seed: int, note_count: int = 100, duration_s: float = 10.0) -> Performance:
    rng = stream(seed, "composed")
    # Half of the notes stand in chords struck on one tick; keys repeat; the edges are used.
    onset_s = rng.uniform(0.0, duration_s, note_count)
    onset_s[1::2] = onset_s[::2][: len(onset_s[1::2])]
    onset_s[:1], onset_s[1:2] = 0.0, duration_s
    table = np.zeros(note_count, dtype=NOTE_DTYPE)
    table["note_id"] = np.arange(note_count)
    table["onset_s"] = np.minimum(onset_s, latest_onset(duration_s))
    table["offset_s"] = np.minimum(
        table["onset_s"] + rng.exponential(0.4, note_count) + 0.001, duration_s
    )
    table["pitch"] = np.clip(rng.normal(64, 14, note_count), 21, 108)
    table["velocity"] = np.clip(rng.normal(64, 18, note_count), 1, 127)
    pedal = np.zeros(80, dtype=PEDAL_DTYPE)
    pedal["time_s"] = np.sort(snap(rng.uniform(0.0, duration_s, len(pedal))))
    pedal["time_s"][:2] = 0.0
    pedal["controller"] = rng.choice(PEDAL_CONTROLLERS, len(pedal))
    pedal["value"] = rng.integers(0, 128, len(pedal))
    notes = release_before_restrike(table, latest_onset(duration_s))
    return Performance(notes=notes, pedal=pedal, duration_s=duration_s)


@pytest.fixture(scope="session")
def assemble() -> Assemble:
    """(onset_s, offset_s, pitch, velocity) and (time_s, controller, value) to a Performance."""
    return _assemble


@pytest.fixture(scope="session")
def compose() -> Compose:
    """A random ten seconds of dense, pedalled playing, one a seed."""
    return _compose


@pytest.fixture(scope="session")
def corpus() -> list[Performance]:
    """Ten thousand notes in a hundred windows."""
    return [_compose(seed) for seed in range(100)]


@pytest.fixture(scope="session")
def maestro_windows(real_data: Path) -> list[Performance]:
    """Ten windows of 10 s of each of ten MAESTRO performances, one a year."""
    found = []
    for year in sorted(
        folder for folder in (real_data / "maestro-v3.0.0").iterdir() if folder.is_dir()
    ):
        path = min(year.glob("*.midi"), key=lambda file: (file.stat().st_size, file.name))
        performance = read_midi(path.read_bytes(), path.name)
        starts_s = np.arange(0.0, performance.duration_s - 10, 10.0)[:10]
        windows = [cut_window(performance, float(start_s), 10.0) for start_s in starts_s]
        found += [window for window in windows if len(window.notes)]
    return found


@pytest.fixture(scope="session")
def recipes() -> Path:
    """The folder of the recipes that are shipped."""
    return RECIPES


@pytest.fixture(scope="session")
def phase2() -> TieredRecipe:
    """Recipe `phase2` as it is shipped."""
    recipe = load_recipe(RECIPES / "phase2.yaml")
    assert isinstance(recipe, TieredRecipe)
    return recipe


@pytest.fixture(scope="session")
def factored() -> FactoredRecipe:
    """Recipe `factored` as it is shipped."""
    recipe = load_recipe(RECIPES / "factored.yaml")
    assert isinstance(recipe, FactoredRecipe)
    return recipe


@pytest.fixture(scope="session")
def densest_maestro_windows(real_data: Path) -> list[Performance]:
    """The densest window of each of three MAESTRO performances with the most notes a second."""
    root = real_data / "maestro-v3.0.0"
    with next(root.glob("*.csv")).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    densest = sorted(
        rows,
        key=lambda row: (root / row["midi_filename"]).stat().st_size / float(row["duration"]),
    )[-3:]
    found = []
    for row in densest:
        path = root / row["midi_filename"]
        performance = read_midi(path.read_bytes(), path.name)
        starts_s = np.arange(0.0, performance.duration_s - 10, 5.0)
        windows = [cut_window(performance, float(start_s), 10.0) for start_s in starts_s]
        found.append(max(windows, key=lambda window: len(window.notes)))
    return found
