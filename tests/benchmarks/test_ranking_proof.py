"""The ranking of a performance's counterfactuals, by graders whose answers are known."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.ranking_proof import (
    INPUTS,
    grade_family,
    ordered_pairs,
    print_shares,
    write_family,
)
from degradation.factored import FACTORS, FactoredRecipe
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, Performance
from models.inference.sources import Sources
from pipelines.settings import find_recipe
from storage.midi import read_midi


@pytest.fixture(scope="module")
def recipe() -> FactoredRecipe:
    found = find_recipe("factored")
    assert isinstance(found, FactoredRecipe)
    return found


def played(*, pedalled: bool) -> Performance:
    """Ten seconds of chords of four, eight a second in turn, with a pedal change every second."""
    onset_s = np.repeat(np.arange(0.1, 9.5, 0.5), 4)
    notes = np.zeros(len(onset_s), NOTE_DTYPE)
    notes["note_id"] = np.arange(len(notes))
    notes["onset_s"], notes["offset_s"] = onset_s, onset_s + 0.4
    notes["pitch"] = np.tile([48, 60, 64, 67], len(notes) // 4)
    notes["velocity"] = np.linspace(40, 100, len(notes)).round()
    times = np.repeat(np.arange(1.0, 9.0), 2) + np.tile([0.0, 0.2], 8)
    pedal = np.zeros(len(times) if pedalled else 0, PEDAL_DTYPE)
    if pedalled:
        pedal["time_s"], pedal["controller"] = times, 64
        pedal["value"] = np.tile([0, 100], 8)
    return Performance(notes=notes, pedal=pedal, duration_s=10.0)


class Grader:
    """Grades by what a file's name says was done, and `sign` says in which direction."""

    def __init__(self, sign: int) -> None:
        self.sign = sign

    def grade(self, sources: Sources) -> Any:
        path = sources.midi or sources.audio
        assert path is not None
        assert path.exists()
        last = path.stem.rsplit("-", 1)[-1]
        severity = float(last) if last[0].isdigit() else 0.0
        return SimpleNamespace(by_window=np.full((2, 8), 80 - self.sign * severity))


def test_only_pairs_two_jnd_apart_count_and_a_tie_is_half() -> None:
    assert ordered_pairs([(0, 99), (1, 50), (2, 80)]) == [1]
    assert ordered_pairs([(4, 99), (0, 80)]) == [0]
    assert ordered_pairs([(4, 80), (0, 80)]) == [0.5]
    assert ordered_pairs([(1, 80), (0, 99)]) == []


@pytest.mark.parametrize(("sign", "share"), [(1, 1.0), (-1, 0.0), (0, 0.5)])
def test_a_grader_is_ranked_as_it_grades(
    sign: int, share: float, recipe: FactoredRecipe, tmp_path: Path, capsys: Any
) -> None:
    family = write_family(recipe, "piece", played(pedalled=True), tmp_path)
    graded = grade_family(Grader(sign), list(INPUTS), family)  # type: ignore[arg-type]

    shares = {of: ordered_pairs(found) for of, found in graded.items()}

    assert set(shares) == {(given, factor) for given in INPUTS for factor in FACTORS}
    assert all(np.mean(found) == share for found in shares.values())
    print_shares(shares)
    assert f"{share:8.3f}" in capsys.readouterr().out


def test_a_factor_that_finds_nothing_to_damage_makes_no_pair(
    recipe: FactoredRecipe, tmp_path: Path
) -> None:
    made = [draw.varied for draw, _ in write_family(recipe, "p", played(pedalled=False), tmp_path)]

    assert "pedal_technique" not in made
    assert "rhythmic_stability" in made


def test_the_files_hold_the_damaged_playing(recipe: FactoredRecipe, tmp_path: Path) -> None:
    clean = played(pedalled=True)
    velocities = {}
    for draw, sources in write_family(recipe, "piece", clean, tmp_path):
        assert sources.midi is not None
        damaged = read_midi(sources.midi.read_bytes(), sources.midi.name)
        velocities[draw.varied, draw.varied_severity_jnd] = damaged.notes["velocity"].std()

    assert velocities["dynamic_range", 8.0] < 0.5 * velocities["nothing", 0.0]
