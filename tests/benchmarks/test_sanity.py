"""The sanity table, by graders whose answers are known."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.alterations import ALTERATIONS
from benchmarks.sanity import ORIGINAL, SOUNDS, Grader, grade_files, table
from degradation.errors import UserError
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, Performance
from degradation.render import render
from models.inference.sources import Sources
from pipelines.settings import find_recipe
from storage.audio import encode_flac
from storage.midi import read_midi, write_midi

RECIPE = find_recipe("phase2")


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Three seconds of a scale."""
    notes = np.zeros(12, NOTE_DTYPE)
    notes["note_id"] = np.arange(12)
    notes["onset_s"] = 0.25 * np.arange(12)
    notes["offset_s"], notes["pitch"] = notes["onset_s"] + 0.25, 60 + np.arange(12)
    notes["velocity"] = 60
    music = Performance(notes=notes, pedal=np.zeros(0, PEDAL_DTYPE), duration_s=3.0)
    (tmp_path / "take.mid").write_bytes(write_midi(music))
    return tmp_path / "take.mid"


def by_order(sources: Sources) -> float:
    """Grade the share of notes that a semitone follows."""
    assert sources.midi is not None
    pitch = read_midi(sources.midi.read_bytes(), "take").notes["pitch"].astype(int)
    return 100.0 * float((np.diff(pitch) == 1).mean())


def deaf(sources: Sources) -> float:
    """Grade all sound alike, but refuse what is quiet."""
    assert sources.audio is not None
    if "quieter" in sources.audio.stem:
        raise UserError("too quiet")
    return 70.0


def test_a_recording_is_altered_as_sound_alone(take: Path, tmp_path: Path) -> None:
    sound = render(read_midi(take.read_bytes(), "take"), RECIPE.instruments[0])
    (tmp_path / "take.flac").write_bytes(encode_flac(sound))
    graders = {
        "order": Grader(reads=frozenset({"midi"}), grade=by_order),
        "deaf": Grader(reads=frozenset({"audio"}), grade=deaf),
    }
    grades = grade_files(graders, [tmp_path / "take.flac"], RECIPE)
    known = {key for key, found in grades.items() if not np.isnan(found).any()}
    assert known == {("deaf", name) for name in (SOUNDS | {ORIGINAL}) - {"sound: 30 dB quieter"}}


def test_laws_that_are_broken_stand_out_and_refusals_are_told(take: Path) -> None:
    graders = {
        "order": Grader(reads=frozenset({"midi"}), grade=by_order),
        "deaf": Grader(reads=frozenset({"audio"}), grade=deaf),
    }
    lines = table(grade_files(graders, [take], RECIPE), list(graders))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    cells = {row[0]: row for row in rows}
    assert list(cells) == [ORIGINAL, *ALTERATIONS]
    assert cells[ORIGINAL][-2:] == ["100", "70"]
    assert cells["played backwards"][-2:] == ["0 (-100.0 ± 0.0)", "**70 (+0.0 ± 0.0)**"]
    assert cells["transposed by 3 semitones"][-2:] == ["100 (+0.0 ± 0.0)", "70 (+0.0 ± 0.0)"]
    assert cells["sound: noise at 20 dB"][-2:] == ["–", "70 (+0.0 ± 0.0)"]
    assert cells["sound: 30 dB quieter"][-1] == "–"
    assert all(cells[name][-2] == "–" for name in SOUNDS)
