"""The command `score` as a person or a program uses it, on small models of random weights."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pretty_midi
import pytest
import soundfile
from click.testing import Result
from typer.testing import CliRunner

import models.inference.trained_model
import models.inference.transcriber
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance
from degradation.recipe import load_recipe
from degradation.render import render
from degradation.waveform import Waveform
from labeling.scores import DIMENSIONS, OVERALL
from models.config.experiment import Experiment, load_experiment
from models.inference.score import Score
from models.skill import Skill
from pipelines.cli import app, score_table
from pipelines.settings import CONFIGS
from pipelines.workspace import open_workspace
from storage.midi import read_midi, write_midi

PROJECT = Path(__file__).parents[2]
RATE_HZ = 24_000
TRAINED: tuple[Experiment, ...] = ("audio_only", "midi_only", "gated")
RECIPE = load_recipe(CONFIGS / "recipes" / "phase2.yaml")
FACTORED = load_recipe(CONFIGS / "recipes" / "factored.yaml")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, save_model: Callable[..., Any]) -> Path:
    """A home in which three of the demo's experiments are trained, so to speak."""
    home = tmp_path_factory.mktemp("home")
    config = load_experiment(CONFIGS / "experiments" / "demo.yaml")
    for name in TRAINED:
        save_model(home / "outputs/demo/phase2/models/demo" / name, name, config)
    some = (0.5, 0.1, 0.5, 0.5, 0.5, 0.5, float("nan"), 0.5)
    for recipe, r in (("factored", some), ("lifelike", 0.05)):
        folder = home / "outputs/demo" / recipe / "models/demo/midi_only"
        save_model(folder, "midi_only", config, val_r=r)
    return home


Run = Callable[..., Result]


@pytest.fixture
def score(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `pianograde score` with trained models in this process."""
    for name in os.environ:
        if name.startswith("PIANOGRADE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIANOGRADE_HOME", str(home))

    def run(*arguments: object, recipe: tuple[str, ...] = ("--recipe", "phase2")) -> Result:
        asked = () if "--recipe" in arguments else recipe
        answer = CliRunner().invoke(app, ["score", *asked, *map(str, arguments)])
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer
        assert "Traceback" not in answer.output
        return answer

    return run


@pytest.fixture
def midi(tmp_path: Path) -> Path:
    """A scale of 17 s, with pedal."""
    time_s = np.arange(0, 17, 0.25)
    notes = np.zeros(len(time_s), NOTE_DTYPE)
    notes["note_id"] = np.arange(len(time_s))
    notes["onset_s"], notes["offset_s"] = time_s, time_s + 0.25
    notes["pitch"] = 48 + np.arange(len(time_s)) % 24
    notes["velocity"] = 40 + np.arange(len(time_s)) % 50
    pedal = np.array([(1.1, SUSTAIN, 127), (5.1, SUSTAIN, 0)], PEDAL_DTYPE)
    path = tmp_path / "take.mid"
    path.write_bytes(write_midi(Performance(notes=notes, pedal=pedal, duration_s=17)))
    return path


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """A hum of 17 s."""
    samples = 0.2 * np.sin(np.arange(17 * RATE_HZ) / 20)
    soundfile.write(tmp_path / "take.wav", samples, RATE_HZ)
    return tmp_path / "take.wav"


def objects(answer: Result) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in answer.stdout.splitlines()]


def test_json_is_one_object_a_file_on_a_line(score: Run, midi: Path, wav: Path) -> None:
    answer = score("--json", midi, wav)
    assert answer.exit_code == 0, answer.stderr
    assert answer.stderr == ""
    first, second = objects(answer)
    for found, file, modality, model in (
        (first, midi, "midi", "midi_only"),
        (second, wav, "audio", "audio_only"),
    ):
        assert (found["file"], found["modality"], found["model"]) == (str(file), modality, model)
        for key in ("scores", "spread"):
            assert tuple(found[key]) == DIMENSIONS
            given = {name: value for name, value in found[key].items() if value is not None}
            assert set(given) == set(DIMENSIONS) - set(found["not_judged"])
            assert all(0 <= value <= 100 for value in given.values())
        assert found["skill"] == {name: {"r": 0.5, "error_points": 5} for name in DIMENSIONS}
        assert (found["windows"], found["silent_windows"], found["duration_s"]) == (3, 0, 17)
        assert found["recipe"] == "phase2"
    assert first["not_judged"] == {"tone_quality": "no sound was heard"}
    assert second["not_judged"] == {}


def test_right_after_installation_notes_are_graded(midi: Path, wav: Path, tmp_path: Path) -> None:
    """Without a home, without torch, and with nothing left behind."""
    home = tmp_path / "nowhere"
    code = (
        "import sys; from pipelines.cli import app\n"
        "try: app(['score', '--json', *sys.argv[1:]])\n"
        "finally: assert 'torch' not in sys.modules and 'dagster' not in sys.modules"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, midi, wav],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "PIANOGRADE_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 2, "sound alone was refused"
    first, second = (json.loads(line) for line in answer.stdout.splitlines())
    assert (first["model"], first["recipe"]) == ("take_grader", "lifelike")
    assert first["scores"]["rhythmic_stability"] > 90, "the scale is even"
    unheard = {"note_accuracy", "articulation_clarity", "pedal_technique", "tone_quality"}
    assert set(first["not_judged"]) == unheard
    assert first["skill"][OVERALL]["r"] > 0.8
    assert "take_grader reads notes; expected MIDI: add --transcribe" in second["error"]
    assert not home.exists()


def test_a_slow_take_is_graded_whole_where_its_windows_hold_too_little(
    score: Run, midi: Path
) -> None:
    scale = read_midi(midi.read_bytes(), "take.mid")
    notes = scale.notes[:26].copy()
    notes["onset_s"], notes["offset_s"] = 2.2 * np.arange(26), 2.2 * np.arange(26) + 2
    midi.write_bytes(write_midi(replace(scale, notes=notes, duration_s=60.0)))
    (found,) = objects(score("--json", midi, recipe=()))
    assert found["scores"][OVERALL] < 100
    assert (found["windows"], found["spread"][OVERALL]) == (0, None)


def test_models_are_asked_for_by_name_and_sound_alone_needs_one(
    score: Run, midi: Path, wav: Path
) -> None:
    def grader(*arguments: object) -> str:
        (found,) = objects(score("--json", *arguments, recipe=()))
        return str(found["model"])

    assert grader(midi) == grader(midi, "--model", "take_grader") == "take_grader"
    assert grader("--midi", midi, "--audio", wav) == "take_grader"
    assert grader(midi, "--model", "midi_only") == grader(midi, "--recipe", "phase2") == "midi_only"
    assert grader(wav) == "audio_only"


def test_another_machine_grades_with_the_models_of_the_store(
    score: Run,
    midi: Path,
    tmp_path: Path,
    save_model: Callable[..., Any],
    demo_config: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIANOGRADE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "one"))
    workspace = open_workspace(None)
    with workspace.write(workspace.model_folder("phase2", "midi_only")) as folder:
        save_model(folder, "midi_only", demo_config)
    here = objects(score("--json", midi))
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "other"))
    assert objects(score("--json", midi)) == here


def test_what_is_left_out_is_told_in_the_object_the_table_and_on_standard_error(
    score: Run, midi: Path, tmp_path: Path
) -> None:
    song = pretty_midi.PrettyMIDI(str(midi))
    choir = pretty_midi.Instrument(program=52)
    choir.notes = [pretty_midi.Note(velocity=64, pitch=72, start=0.0, end=17.0)]
    song.instruments.append(choir)
    song.write(str(tmp_path / "song.mid"))
    answer = score("--json", tmp_path / "song.mid", midi)
    assert answer.exit_code == 0
    sung, alone = objects(answer)
    assert sung["left_out"] == ["1 note of Choir Aahs (program 53) left out"]
    assert alone["left_out"] == []
    assert sung["scores"] == alone["scores"]
    told = f"pianograde: {tmp_path / 'song.mid'}: 1 note of Choir Aahs (program 53) left out\n"
    assert answer.stderr == told
    table = score(tmp_path / "song.mid")
    assert "  1 note of Choir Aahs (program 53) left out\n" in table.stdout
    assert "17.0 s of MIDI alone" in table.stdout


def test_one_performance_heard_both_ways(score: Run, midi: Path, wav: Path) -> None:
    (found,) = objects(score("--json", "--midi", midi, "--audio", wav))
    assert (found["modality"], found["model"]) == ("audio+midi", "gated")
    assert found["file"] == f"{midi} + {wav}"
    (alone,) = objects(score("--json", "--midi", midi))
    assert (alone["modality"], alone["model"]) == ("midi", "midi_only")
    (named,) = objects(score("--json", "--audio", wav, "--model", "gated"))
    assert (named["modality"], named["model"]) == ("audio", "gated")


@pytest.mark.parametrize("model", ["audio_only", "midi_only"])
def test_a_page_draws_and_plays_a_pair_whatever_the_model_reads(
    score: Run, midi: Path, wav: Path, tmp_path: Path, model: str
) -> None:
    page = tmp_path / "page.html"
    answer = score("--midi", midi, "--audio", wav, "--model", model, "--html", page)
    assert answer.exit_code == 0, answer.stderr
    html = page.read_text()
    assert html.count('<svg class="roll"') == html.count("data:audio/mpeg") == 1
    assert "sampled piano" not in html


def test_the_same_call_prints_the_same(score: Run, midi: Path, wav: Path) -> None:
    assert score("--json", midi, wav).stdout == score("--json", midi, wav).stdout


def test_labels_of_one_signal_give_one_number_with_its_error(score: Run, midi: Path) -> None:
    answer = score(midi)
    assert answer.exit_code == 0, answer.stderr
    (found,) = objects(score("--json", midi))
    lines = answer.stdout.splitlines()
    assert lines[0] == f"{found['scores'][OVERALL]:.0f} ± 5 overall: {midi}"
    assert "how far midi_only was off on average, on clips of pieces that it did not" in lines[1]
    assert "r = 0.50" in lines[2]
    assert "17.0 s of MIDI alone, graded by midi_only (recipe phase2): 3 windows" in answer.stdout
    assert "mostly measures noise" in answer.stdout
    assert not any(name in answer.stdout for name in DIMENSIONS)
    assert max(len(line) for line in lines[1:]) <= 120


def test_dimensions_have_their_error_and_those_not_judged_no_number(score: Run, midi: Path) -> None:
    answer = score(midi, "--recipe", "factored")
    assert answer.exit_code == 0, answer.stderr
    (found,) = objects(score("--json", midi, "--recipe", "factored"))
    lines = answer.stdout.splitlines()
    assert lines[0] == f"{found['scores'][OVERALL]:.0f} ± 5 overall: {midi}"
    without = {"rhythmic_stability", "tone_quality", "musical_expression"}
    assert set(found["not_judged"]) == without
    for name in DIMENSIONS:
        (line,) = (line for line in lines if line.strip().startswith(name))
        if name in without:
            assert line.split(maxsplit=1)[1] == f"not judged: {found['not_judged'][name]}"
            assert found["scores"][name] is found["spread"][name] is None
        else:
            shown = [float(line.split()[n]) for n in (1, 3, 4, 7)]
            expected = [found["scores"][name], 5, 0.5, found["spread"][name]]
            assert shown == pytest.approx(expected, abs=0.06)
    assert found["skill"]["musical_expression"] == {"r": None, "error_points": 5}
    assert "They do not carry over to amateurs" in " ".join(answer.stdout.split())
    assert max(len(line) for line in lines[1:]) <= 120


def test_a_model_without_skill_gives_no_number(score: Run, midi: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    answer = score(midi, "--recipe", "lifelike", "--html", page)
    assert (answer.exit_code, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    assert "midi_only cannot grade: on held-out clips no dimension's r reaches 0.3" in line
    assert not page.exists()


def test_many_files_are_a_row_each_and_load_their_model_once(
    score: Run, midi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    load = models.inference.trained_model.load_network
    monkeypatch.setattr(
        models.inference.trained_model,
        "load_network",
        lambda folder: loaded.append(folder.name) or load(folder),
    )
    copies = [midi.with_name(f"take {number}.mid") for number in range(4)]
    for copy in copies:
        copy.write_bytes(midi.read_bytes())
    answer = score(*copies)
    assert answer.exit_code == 0, answer.stderr
    assert loaded == ["midi_only"]
    heading, *rows = answer.stdout.splitlines()[:5]
    assert heading.split() == ["file", "overall", "heard", "by"]
    assert [row.split("  ")[0][-10:] for row in rows] == [copy.name for copy in copies]
    assert len({row[score_table.NAME_WIDTH :] for row in rows}) == 1
    assert answer.stdout.count("midi_only, on clips of held-out pieces") == 2
    many = score(*copies, "--recipe", "factored").stdout
    assert many.splitlines()[0].split() == ["file", *score_table.SHORT.values(), "heard", "by"]
    assert many.count("– not judged: tone_quality, no sound was heard") == 1
    (errors,) = (line for line in many.splitlines() if line.startswith("mean error"))
    assert " ".join(errors.split()[2:15]) == "± 5.0 ± 5.0 – ± 5.0 ± 5.0 – ± 5.0 –"


def test_a_file_that_cannot_be_graded_is_told_and_the_others_go_on(
    score: Run, midi: Path, wav: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken\n\x1b[31m.mid"
    broken.write_bytes(midi.read_bytes()[:100])
    missing = tmp_path / "missing.wav"
    answer = score("--json", midi, broken, missing, wav)
    assert answer.exit_code == 2
    found = objects(answer)
    assert [one["file"] for one in found] == [str(p) for p in (midi, broken, missing, wav)]
    assert ["error" in one for one in found] == [False, True, True, False]
    assert set(found[1]) == {"file", "error"}
    first, second = answer.stderr.splitlines()
    assert first.startswith(f"pianograde: {tmp_path}/broken\\n\\x1b[31m.mid ")
    assert second.startswith(f"pianograde: {missing} cannot be read (No such file")
    assert not any(line.count(".mid") + line.count(".wav") > 1 for line in (first, second))
    shown = score(midi, broken, missing, wav)
    assert (shown.exit_code, shown.stderr) == (2, answer.stderr)
    assert "\x1b" not in shown.output


def test_a_folder_is_all_the_music_in_it(score: Run, midi: Path, wav: Path, tmp_path: Path) -> None:
    folder = tmp_path / "recital"
    (folder / "2nd half").mkdir(parents=True)
    takes = [folder / "2nd half" / "B.MID", folder / "a.wav"]
    takes[0].write_bytes(midi.read_bytes())
    takes[1].write_bytes(wav.read_bytes())
    for other in ("._a.wav", "notes.txt", "cover.jpg"):
        (folder / other).write_bytes(b"no music")
    (folder / "silence.wav").mkdir()
    answer = score("--json", folder, midi)
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert [one["file"] for one in objects(answer)] == [str(path) for path in (*takes, midi)]
    empty = score("--json", folder / "silence.wav", midi)
    assert empty.exit_code == 2
    assert ["error" in one for one in objects(empty)] == [True, False]
    assert "silence.wav holds no music; expected files of MIDI or audio" in empty.stderr


def test_what_is_piped_is_graded_and_not_kept(home: Path, midi: Path, tmp_path: Path) -> None:
    def piped(content: bytes) -> subprocess.CompletedProcess[str]:
        (tmp_path / "piped").write_bytes(content)
        with (tmp_path / "piped").open("rb") as file:
            return subprocess.run(
                [sys.executable, "-m", "pipelines.cli", "score", "--json", "-"],
                env={**os.environ, "PIANOGRADE_HOME": str(home), "TMPDIR": str(tmp_path / "tmp")},
                cwd=PROJECT, stdin=file, capture_output=True, text=True, check=False,
            )  # fmt: skip

    (tmp_path / "tmp").mkdir()
    answer = piped(midi.read_bytes())
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert (found["file"], found["model"], found["duration_s"]) == ("-", "take_grader", 17)
    assert not list((tmp_path / "tmp").iterdir())
    answer = piped(b"")
    assert answer.returncode == 2
    assert json.loads(answer.stdout)["file"] == "-"
    assert answer.stderr.startswith("pianograde: -: ")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "got 0 FILEs"),
        (("take.mid", "--audio", "take.wav"), "got 1 FILEs and 1 of"),
        (("take.mid", "--model", "best"), "model best is not trained; expected one of take_grader"),
        (("take.mid", "--model", "concat"), "model concat is not trained"),
        (("take.mid", "--recipe", "phase3"), "phase3"),
        (("take.mid", "--recipe", "phase2_recorded"), "pianograde demo"),
        (("take.mid", "--corpus", "nosuch"), "nosuch"),
    ],
)
def test_a_call_that_cannot_work_ends_in_one_line(
    score: Run, midi: Path, arguments: tuple[str, ...], problem: str
) -> None:
    paths = {midi.name: midi}
    answer = score(*(paths.get(each, each) for each in arguments), "--json")
    assert answer.exit_code == 2
    (line,) = answer.stderr.splitlines()
    assert line.startswith("pianograde: ")
    assert problem in line
    if problem.startswith("got"):  # of no performance that could be named
        assert answer.stdout == ""
    else:
        (found,) = objects(answer)
        assert found["file"] == str(midi)
        assert problem in found["error"]


def test_a_file_that_no_model_could_grade_is_told_before_that_none_is_trained(
    score: Run, tmp_path: Path
) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    answer = score(tmp_path / "empty.wav", recipe=("--recipe", "phase2_recorded"))
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"pianograde: {tmp_path / 'empty.wav'}")
    assert "trained" not in answer.stderr


@pytest.mark.parametrize("model", ["take_grader", "midi_only"])
def test_a_pair_is_checked_and_what_is_not_read_is_told_whatever_the_model_reads(
    score: Run, midi: Path, wav: Path, tmp_path: Path, model: str
) -> None:
    pair, alone = (
        score("--json", *files, "--model", model, recipe=())
        for files in (("--midi", midi, "--audio", wav), ("--midi", midi))
    )
    (found,), (expected,) = objects(pair), objects(alone)
    assert found["scores"] == expected["scores"]
    assert found["left_out"] == ["the audio is not graded: this model does not read it"]
    assert pair.stderr.endswith(": the audio is not graded: this model does not read it\n")
    (tmp_path / "text.wav").write_text("hello")
    soundfile.write(tmp_path / "long.wav", np.zeros(40 * RATE_HZ), RATE_HZ)
    for name in ("text.wav", "long.wav"):
        other = score("--midi", midi, "--audio", tmp_path / name, "--model", model, recipe=())
        assert other.exit_code == 2
        assert name in other.stderr


REFUSED = {
    "nope.mid": [
        ["score", "nope.mid"],
        ["score", "--json", "nope.mid", "empty"],
        ["score", "--midi", "nope.mid"],
    ],
    "nope.wav": [["transcribe", "nope.wav", "--out", "out"]],
    "model nope is not trained": [["score", "take.mid", "--model", "nope"]],
    "nowhere": [
        ["validate", "--percepiano", "nowhere"],
        ["validate", "--teachers", "nowhere"],
        ["run", "--maestro", "nowhere"],
        ["pretrain", "--maestro", "nowhere"],
    ],
    "recipes/nope": [["listen", "--recipe", "nope"], ["bench", "--recipe", "nope"]],
}
REFUSE_ALL = """
import json, sys
from typer.testing import CliRunner
import pipelines.cli
for command in json.loads(sys.argv[1]):
    answer = CliRunner().invoke(pipelines.cli.app, command)
    heavy = sorted({"torch", "dagster"} & {*sys.modules})
    print(json.dumps([answer.exit_code, answer.stderr, heavy]))
"""


def test_what_is_not_there_is_told_before_torch_is_imported(home: Path, midi: Path) -> None:
    """Its import takes seconds, Dagster's likewise."""
    (midi.parent / "empty").mkdir()
    expected = [(words, command) for words, group in REFUSED.items() for command in group]
    answer = subprocess.run(
        [sys.executable, "-c", REFUSE_ALL, json.dumps([command for _, command in expected])],
        env={k: v for k, v in os.environ.items() if not k.startswith("PIANOGRADE_")}
        | {"PIANOGRADE_HOME": str(home), "PYTHONPATH": os.pathsep.join([str(PROJECT), *sys.path])},
        cwd=midi.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    for (words, command), (code, told, heavy) in zip(expected, found, strict=True):
        assert (code, heavy) == (2, []), (command, told)
        assert words in told.splitlines()[0], command


def test_a_model_that_cannot_hear_a_file_names_those_that_can(score: Run, wav: Path) -> None:
    answer = score(wav, "--model", "midi_only")
    assert answer.exit_code == 2
    (line,) = answer.stderr.splitlines()
    assert "midi_only cannot read audio" in line
    assert "audio_only, gated" in line


def test_as_a_process_with_a_name_that_is_no_text(home: Path, midi: Path) -> None:
    name = os.fsencode(midi.parent) + b"/\xff.mid"
    Path(os.fsdecode(name)).write_bytes(midi.read_bytes())
    os.mkfifo(midi.with_name("pipe"))
    answer = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "score", "--json", name, midi.with_name("pipe")],
        env={k: v for k, v in os.environ.items() if not k.startswith("PIANOGRADE_")}
        | {"PIANOGRADE_HOME": str(home)},
        capture_output=True,
        timeout=1200,
        check=False,
    )
    assert answer.returncode == 2, answer.stderr
    first, second = map(json.loads, answer.stdout.splitlines())
    assert first["file"].endswith("\\xff.mid")
    assert set(first["scores"]) == set(DIMENSIONS)
    assert "no regular file" in second["error"]
    assert len(answer.stderr.splitlines()) == 1, answer.stderr


class ScaleFinder:
    """Stands for Transkun: finds a scale in whatever sounds."""

    sample_rate_hz = 44_100

    def __init__(self, music: Performance) -> None:
        self.music = music

    def transcribe(self, waveform: Waveform) -> Performance:
        assert waveform.sample_rate_hz == self.sample_rate_hz
        assert waveform.duration_s == pytest.approx(17)
        return self.music


@pytest.fixture
def stand_in(midi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ScaleFinder(read_midi(midi.read_bytes(), midi.name))
    monkeypatch.setattr(models.inference.transcriber, "load_transcriber", lambda threads: found)


@pytest.mark.usefixtures("stand_in")
def test_audio_is_graded_as_the_midi_that_is_found_in_it(score: Run, midi: Path, wav: Path) -> None:
    (found,) = objects(score("--json", wav, "--transcribe", "--model", "midi_only"))
    (true,) = objects(score("--json", midi))
    assert (found["modality"], found["model"]) == ("audio→midi", "midi_only")
    judged = set(DIMENSIONS) - set(found["not_judged"])
    assert [found["scores"][name] for name in judged] == [true["scores"][name] for name in judged]
    assert found["duration_s"] == 17
    assert set(found["not_judged"]) == {"note_accuracy", "tone_quality", "pedal_technique"}
    assert "found in the sound" in found["not_judged"]["tone_quality"]
    shown = score(wav, "--transcribe", "--model", "midi_only").stdout
    assert "17.0 s of MIDI transcribed from audio, graded by midi_only" in shown


@pytest.mark.usefixtures("stand_in")
def test_a_fusion_model_hears_the_sound_beside_what_is_found_in_it(
    score: Run, midi: Path, wav: Path
) -> None:
    (found,) = objects(score("--json", "--audio", wav, "--transcribe"))
    (true,) = objects(score("--json", "--midi", midi, "--audio", wav))
    assert (found["modality"], found["model"]) == ("audio+audio→midi", "gated")
    assert found["scores"] == true["scores"]
    assert found["not_judged"] == {}


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--midi", "take.mid"), "take.mid has MIDI; expected audio alone to transcribe"),
        (("take.wav", "--model", "audio_only"), "audio_only cannot read MIDI"),
    ],
)
def test_what_cannot_be_transcribed_is_told(
    score: Run, midi: Path, wav: Path, arguments: tuple[str, ...], problem: str
) -> None:
    paths = {midi.name: midi, wav.name: wav}
    answer = score("--transcribe", *(paths.get(each, each) for each in arguments))
    assert answer.exit_code == 2
    (line,) = answer.stderr.splitlines()
    assert problem in line


def test_without_the_extra_the_way_out_is_told_in_one_line(
    score: Run, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.inference.transcriber.load_transcriber.cache_clear()
    monkeypatch.setitem(sys.modules, "transkun", None)
    monkeypatch.setitem(sys.modules, "transkun.ModelTransformer", None)
    answer = score(wav, "--transcribe")
    assert (answer.exit_code, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    assert "pip install -c constraints.txt -e '.[transcription]'" in line


@pytest.mark.skipif(
    not models.inference.transcriber.can_transcribe(),
    reason="Transkun is not installed (pip install -c constraints.txt -e '.[transcription]')",
)
def test_a_rendered_take_is_transcribed_and_graded(score: Run, midi: Path, tmp_path: Path) -> None:
    models.inference.transcriber.load_transcriber.cache_clear()
    sound = render(read_midi(midi.read_bytes(), midi.name), RECIPE.instrument)
    soundfile.write(tmp_path / "rendered.wav", sound.samples, sound.sample_rate_hz)
    answer = score("--json", tmp_path / "rendered.wav", "--transcribe", "--model", "midi_only")
    assert (answer.exit_code, answer.stderr) == (0, "")
    (found,) = objects(answer)
    assert (found["modality"], found["windows"], found["silent_windows"]) == ("audio→midi", 3, 0)


def scored(**changed: Any) -> Score:
    values = {
        "file": "a/b.mid", "scores": dict.fromkeys(DIMENSIONS, 100.0),
        "spread": dict.fromkeys(DIMENSIONS, 12.34), "windows": 2, "silent_windows": 0,
        "duration_s": 3661.0, "left_out": (), "modality": "midi", "model": "midi_only",
        "skill": dict.fromkeys(DIMENSIONS, Skill(r=0.5, error_points=99.4)), "not_judged": {},
    }  # fmt: skip
    return Score(**{**values, **changed})


@pytest.mark.parametrize("recipe", [RECIPE, FACTORED], ids=lambda recipe: recipe.name)
def test_columns_stand_below_their_heads(recipe: Any) -> None:
    files = ["a/b.mid", "x" * 100]
    width = score_table.name_width(files)
    heading = score_table.heading(files, recipe)
    unjudged = {"scores": {}, "not_judged": dict.fromkeys(DIMENSIONS, "because")}
    for one, shown in (
        (scored(), "100"),
        (scored(file=files[1]), "100"),
        (scored(**unjudged), "–  "),
    ):
        row = score_table.row(one, width, recipe)
        for short in set(heading.split()) - {"file", "heard", "by"}:
            column = heading.index(short)
            assert row[column - 1] == " "
            assert row[column : column + 3] == shown


def test_one_window_varies_by_nothing() -> None:
    assert "varies by 12.3" in score_table.block(scored(), FACTORED)
    assert "61:01 min" in score_table.block(scored(), FACTORED)
    assert "varies" not in score_table.block(scored(windows=1), FACTORED)


def test_where_overall_is_not_judged_the_answer_says_so_and_tells_the_rest() -> None:
    rest = {name: 80.0 for name in DIMENSIONS if name != OVERALL}
    one = scored(scores=rest, spread=rest, not_judged={OVERALL: "it lasts less than 10 s"})
    for recipe in (RECIPE, FACTORED):
        first, *others = score_table.block(one, recipe).splitlines()
        assert first == "overall not judged, it lasts less than 10 s: a/b.mid"
        assert sum("80.0  ± 99.4" in line for line in others) == 7
