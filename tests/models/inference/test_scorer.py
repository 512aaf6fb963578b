import dataclasses
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import models.inference.trained_model
import models.inference.windows
from degradation.errors import UserError
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SOFT, SUSTAIN, Performance, cut_window
from degradation.waveform import Waveform
from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment, ExperimentConfig
from models.inference.limits import find_limits
from models.inference.model_choice import ModelChoice
from models.inference.score import Score
from models.inference.scorer import Scorer
from models.inference.sources import Sources, find_sources
from models.inference.windows import (
    LONGEST_S,
    Opened,
    open_performance,
    read_windows,
    window_bounds,
)
from models.inputs.batch import Example, collate
from models.inputs.feature_reader import Features
from models.inputs.feature_writer import note_features
from models.inputs.log_mel import log_mel
from models.networks.network import GradingNetwork, Presence
from storage.corpus import CorpusConfig
from storage.midi import write_midi

RATE_HZ = 24_000
CORPUS = CorpusConfig(
    window_s=10,
    hop_s=5,
    duration_tolerance_s=3,
    split_shares={"train": 0.6, "validation": 0.2, "test": 0.2},
)
NO_PEDAL = np.zeros(0, PEDAL_DTYPE)


Networks = dict[Experiment, GradingNetwork]


def enliven(network: GradingNetwork) -> None:
    """Make the scores of windows differ."""
    for weight in network.parameters():
        weight.add_(torch.randn_like(weight), alpha=0.5)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_config: ExperimentConfig,
    save_model: Callable[..., GradingNetwork],
) -> tuple[dict[Experiment, Path], Networks]:
    root = tmp_path_factory.mktemp("models")
    val_r: Mapping[Experiment, float] = {
        "audio_only": 0.7, "midi_only": 0.6, "crossattn": 0.8, "gated": 0.9
    }  # fmt: skip
    networks = {
        name: save_model(root / name, name, tiny_config, val_r=r, change=enliven)
        for name, r in val_r.items()
    }
    return {name: root / name for name in (*val_r, "concat")}, networks  # type: ignore[misc]


@pytest.fixture
def folders(trained: tuple[dict[Experiment, Path], Networks]) -> dict[Experiment, Path]:
    return trained[0]


@pytest.fixture
def networks(trained: tuple[dict[Experiment, Path], Networks]) -> Networks:
    return trained[1]


def scorer_of(folders: Mapping[Experiment, Path], only: str | None = None) -> Scorer:
    return Scorer(ModelChoice(folders, only), CORPUS, RATE_HZ)


@pytest.fixture
def scorer(folders: dict[Experiment, Path]) -> Scorer:
    return scorer_of(folders)


def playing(duration_s: float, seed: int = 0, repeat_s: float | None = None) -> Performance:
    """Five notes a second to the end, with pedal; the same again every `repeat_s`."""
    rng = np.random.default_rng(seed)
    count = round(5 * duration_s)
    period = count if repeat_s is None else round(5 * repeat_s)
    place = np.arange(count) % period
    notes = np.zeros(count, NOTE_DTYPE)
    notes["note_id"] = np.arange(count)
    notes["onset_s"] = np.arange(count) / 5
    notes["offset_s"] = (np.arange(count) + 1) / 5
    notes["pitch"] = rng.integers(40, 80, period)[place]
    notes["velocity"] = rng.integers(20, 100, period)[place]
    pedal = np.array(
        [(time_s + 0.1, SUSTAIN, 127 * (k % 2 == 0)) for k, time_s in enumerate(notes["onset_s"])],
        PEDAL_DTYPE,
    )
    return Performance(
        notes=notes, pedal=pedal[pedal["time_s"] < duration_s], duration_s=duration_s
    )


def hum(duration_s: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    loud = np.interp(time_s, np.arange(60), rng.uniform(0, 0.3, 60))
    return (loud * np.sin(2 * np.pi * 440 * time_s) + rng.normal(0, 1e-3, len(time_s))).astype("f4")


@pytest.fixture
def midi(tmp_path: Path) -> Callable[..., Path]:
    def write(performance: Performance, name: str = "take.mid") -> Path:
        (tmp_path / name).write_bytes(write_midi(performance))
        return tmp_path / name

    return write


@pytest.fixture
def wav(tmp_path: Path) -> Callable[..., Path]:
    def write(samples: np.ndarray, name: str = "take.wav", rate_hz: int = RATE_HZ) -> Path:
        soundfile.write(tmp_path / name, samples, rate_hz, subtype="FLOAT")
        return tmp_path / name

    return write


@pytest.fixture
def any_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hum stand for the sound of any notes."""
    monkeypatch.setattr(models.inference.windows, "check_fit", lambda *_: ())


def values(scored: Score) -> np.ndarray:
    return np.array([scored.scores.get(name, np.nan) for name in DIMENSIONS])


def deviations(scored: Score) -> np.ndarray:
    return np.array([scored.spread.get(name, np.nan) for name in DIMENSIONS])


def judged(scored: Score) -> np.ndarray:
    return ~np.isnan(values(scored))


def example(config: ExperimentConfig, notes: Any = None, samples: Any = None) -> Example:
    sound = None if samples is None else Waveform(samples=samples, sample_rate_hz=RATE_HZ)
    return Example(
        features=Features(
            sample_id="",
            duration_s=10,
            audio=None if sound is None else log_mel(sound, config.audio_features),  # type: ignore[arg-type]
            notes=notes and note_features(notes, config.midi_encoder.tokens),
        ),
    )


@torch.inference_mode()
def graded(network: GradingNetwork, config: ExperimentConfig, *examples: Example) -> np.ndarray:
    return network(collate(examples, config)).scores.double().numpy().clip(0, 100)


@pytest.mark.parametrize(
    ("duration_s", "starts"),
    [(4, [0]), (10, [0]), (12, [0, 2]), (15, [0, 5]), (23.5, [0, 5, 10, 13.5])],
)
def test_windows_are_the_corpus_s_and_reach_the_end(duration_s: float, starts: list[float]) -> None:
    bounds = window_bounds(duration_s, CORPUS)
    assert [start_s for start_s, _ in bounds] == starts
    assert bounds[-1][0] + bounds[-1][1] == duration_s
    assert {length_s for _, length_s in bounds} == {min(duration_s, CORPUS.window_s)}


def test_midi_scores_are_the_mean_over_its_windows_and_spread_their_deviation(
    scorer: Scorer, networks: Networks, tiny_config: ExperimentConfig, midi: Callable[..., Path]
) -> None:
    music = playing(17)
    windows = [cut_window(music, start_s, 10) for start_s in (0, 5, 7)]
    each = graded(networks["midi_only"], tiny_config, *(example(tiny_config, w) for w in windows))
    scored = scorer.score(Sources(midi=midi(music)))
    told = judged(scored)
    assert told.sum() == 7
    np.testing.assert_allclose(values(scored)[told], each.mean(0)[told], rtol=1e-5)
    np.testing.assert_allclose(deviations(scored)[told], each.std(0)[told], atol=1e-3)
    assert deviations(scored)[told].max() > 0.1, "the windows don't differ: nothing was tested"
    assert (scored.windows, scored.silent_windows, scored.duration_s) == (3, 0, 17)
    assert (scored.modality, scored.model) == ("midi", "midi_only")


def test_audio_scores_are_the_mean_over_its_windows(
    scorer: Scorer, networks: Networks, tiny_config: ExperimentConfig, wav: Callable[..., Path]
) -> None:
    samples = hum(17)
    windows = [samples[start_s * RATE_HZ : (start_s + 10) * RATE_HZ] for start_s in (0, 5, 7)]
    examples = [example(tiny_config, samples=window) for window in windows]
    each = graded(networks["audio_only"], tiny_config, *examples)
    scored = scorer.score(Sources(audio=wav(samples)))
    np.testing.assert_allclose(values(scored), each.mean(0), rtol=1e-4)
    np.testing.assert_allclose(deviations(scored), each.std(0), atol=1e-2)
    assert (scored.modality, scored.model) == ("audio", "audio_only")
    assert scored.not_judged == {}


def test_the_same_music_for_longer_scores_the_same(
    scorer: Scorer, midi: Callable[..., Path]
) -> None:
    # Windows overlap by half, so that music which repeats every hop is one window again and again.
    # The pedal that is carried into later windows is the only difference.
    once, often, other = (
        scorer.score(Sources(midi=midi(music)))
        for music in (playing(10, repeat_s=5), playing(60, repeat_s=5), playing(60, seed=1))
    )
    assert (once.windows, often.windows) == (1, 11)
    np.testing.assert_allclose(values(often), values(once), atol=1.0)
    assert np.nanmax(np.abs(values(other) - values(once))) > 1


def test_scores_do_not_depend_on_the_batch_size(
    tmp_path: Path,
    tiny_config: ExperimentConfig,
    midi: Callable[..., Path],
    save_model: Callable[..., GradingNetwork],
) -> None:
    scored = []
    for size in (1, 3, 100):
        training = tiny_config.training.model_copy(update={"batch_size": size})
        config = tiny_config.model_copy(update={"training": training})
        save_model(tmp_path / str(size), "midi_only", config, change=enliven)
        only: dict[Experiment, Path] = {"midi_only": tmp_path / str(size)}
        scored.append(scorer_of(only).score(Sources(midi=midi(playing(40)))))
    for other in scored[1:]:
        np.testing.assert_allclose(values(other), values(scored[0]), rtol=1e-5)
        assert other.windows == scored[0].windows == 7


@pytest.mark.parametrize(("bias", "expected"), [(1000, 100), (-1000, 0)])
def test_scores_lie_within_0_and_100(
    tmp_path: Path,
    tiny_config: ExperimentConfig,
    midi: Callable[..., Path],
    save_model: Callable[..., GradingNetwork],
    bias: float,
    expected: float,
) -> None:
    def shift(network: GradingNetwork) -> None:
        network.head.grade.bias.add_(bias)

    save_model(tmp_path / "m", "midi_only", tiny_config, change=shift)
    scored = scorer_of({"midi_only": tmp_path / "m"}).score(Sources(midi=midi(playing(17))))
    assert set(scored.scores.values()) == {expected}
    assert set(scored.spread.values()) == {0}


def test_order_is_irrelevant_and_each_model_is_loaded_once(
    folders: dict[Experiment, Path],
    midi: Callable[..., Path],
    wav: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[str] = []
    load = models.inference.trained_model.load_network
    monkeypatch.setattr(
        models.inference.trained_model,
        "load_network",
        lambda folder: loaded.append(folder.name) or load(folder),
    )
    sources = [
        *(Sources(midi=midi(playing(12, seed=k), f"{k}.mid")) for k in range(3)),
        *(Sources(audio=wav(hum(12, seed=k), f"{k}.wav")) for k in range(2)),
    ]
    one, other = (
        scorer_of(folders),
        scorer_of(folders),
    )
    assert loaded == []
    forward = [one.score(source) for source in sources]
    assert sorted(loaded) == ["audio_only", "midi_only"]
    assert forward == [other.score(source) for source in reversed(sources)][::-1]


@pytest.mark.usefixtures("any_pair")
def test_a_fusion_model_answers_with_one_modality_as_if_the_other_were_not_there(
    folders: dict[Experiment, Path],
    networks: Networks,
    tiny_config: ExperimentConfig,
    midi: Callable[..., Path],
    wav: Callable[..., Path],
) -> None:
    music, samples = playing(10), hum(10)
    fusing = scorer_of(folders, "gated")
    both = collate([example(tiny_config, music, samples)], tiny_config)
    alone = torch.tensor([True])
    heard = {
        "midi": (Sources(midi=midi(music)), Presence(audio=~alone, midi=alone)),
        "audio": (Sources(audio=wav(samples)), Presence(audio=alone, midi=~alone)),
        "audio+midi": (Sources(midi=midi(music), audio=wav(samples)), None),
    }
    found = {}
    for modality, (sources, presence) in heard.items():
        scored = fusing.score(sources)
        with torch.inference_mode():
            expected = networks["gated"](both, presence).scores[0].numpy().clip(0, 100)
        assert (scored.modality, scored.model) == (modality, "gated")
        told = judged(scored)
        np.testing.assert_allclose(values(scored)[told], expected[told], rtol=1e-4)
        found[modality] = values(scored)
    assert np.nanmax(np.abs(found["midi"] - found["audio+midi"])) > 0.1
    assert np.abs(found["audio"] - found["audio+midi"]).max() > 0.1


@pytest.mark.usefixtures("any_pair")
def test_the_best_model_that_hears_just_what_is_given_is_chosen(
    folders: dict[Experiment, Path],
    scorer: Scorer,
    midi: Callable[..., Path],
    wav: Callable[..., Path],
) -> None:
    notes, sound = Sources(midi=midi(playing(10))), Sources(audio=wav(hum(10)))
    both = Sources(midi=notes.midi, audio=sound.audio)
    assert scorer.score(both).model == "gated"
    assert scorer.score(notes).model == "midi_only"

    fusions: dict[Experiment, Path] = {n: folders[n] for n in ("crossattn", "gated")}  # type: ignore[misc]
    assert scorer_of(fusions).score(sound).model == "gated"
    singles: dict[Experiment, Path] = {n: folders[n] for n in ("midi_only", "audio_only")}  # type: ignore[misc]
    single = scorer_of(singles).score(both)
    assert (single.model, single.modality) == ("audio_only", "audio")
    chosen = scorer_of(folders, "midi_only").score(both)
    assert (chosen.model, chosen.modality) == ("midi_only", "midi")
    assert "tone_quality" in chosen.not_judged


def test_a_dimension_without_skill_has_no_score_and_says_why(
    tmp_path: Path,
    tiny_config: ExperimentConfig,
    midi: Callable[..., Path],
    wav: Callable[..., Path],
    save_model: Callable[..., GradingNetwork],
) -> None:
    r = (0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.29, np.nan)
    save_model(tmp_path / "m", "midi_only", tiny_config, val_r=r)
    found = scorer_of({"midi_only": tmp_path / "m"}).score(Sources(midi=midi(playing(12))))
    assert set(found.scores) == set(found.spread) == set(DIMENSIONS) - set(found.not_judged)
    assert set(found.not_judged) == {*DIMENSIONS[6:], "tone_quality"}
    assert "r 0.29 on held-out clips" in found.not_judged[DIMENSIONS[6]]
    assert found.not_judged[DIMENSIONS[7]] == "no two labels on held-out clips differ"
    assert (found.skill["note_accuracy"].r, found.skill["note_accuracy"].error_points) == (0.9, 5)

    only_tone = tuple(0.9 if name == "tone_quality" else 0.1 for name in DIMENSIONS)
    save_model(tmp_path / "g", "gated", tiny_config, val_r=only_tone)
    hearing = scorer_of({"gated": tmp_path / "g"})
    assert set(hearing.score(Sources(audio=wav(hum(12)))).scores) == {"tone_quality"}
    with pytest.raises(UserError, match=r"cannot be graded by gated.*no sound was heard.*expected"):
        hearing.score(Sources(midi=midi(playing(12))))


def test_models_that_cannot_answer_are_refused_with_those_that_can(
    folders: dict[Experiment, Path],
    tmp_path: Path,
    tiny_config: ExperimentConfig,
    wav: Callable[..., Path],
    save_model: Callable[..., GradingNetwork],
) -> None:
    sound = Sources(audio=wav(hum(10)))
    deaf = scorer_of(folders, "midi_only")
    with pytest.raises(UserError, match=r"midi_only cannot read audio; .*audio_only, crossattn"):
        deaf.score(sound)
    with pytest.raises(UserError, match=r"no model is trained.*pianograde demo"):
        ModelChoice({"concat": folders["concat"]})
    for name in ("concat", "best", "../gated"):
        with pytest.raises(UserError, match=f"model {name} is not trained.*gated"):
            ModelChoice(folders, name)
    without = tiny_config.fusion.model_copy(update={"modality_dropout": 0.0})
    save_model(tmp_path / "g", "gated", tiny_config.model_copy(update={"fusion": without}))
    with pytest.raises(UserError, match=r"without modality_dropout.*got audio alone"):
        scorer_of({"gated": tmp_path / "g"}).score(sound)


@pytest.mark.parametrize("damage", ["weights", "settings", "json", "history"])
def test_a_model_of_another_release_or_a_broken_one_is_an_error(
    folders: dict[Experiment, Path], tmp_path: Path, midi: Callable[..., Path], damage: str
) -> None:
    broken = tmp_path / "midi_only"
    shutil.copytree(folders["midi_only"], broken)
    (weights,), (described,) = broken.glob("*.pt"), broken.glob("midi_only-*.json")
    if damage == "weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "settings":
        described.write_text(described.read_text().replace('"grid_rate_hz"', '"grid_rate"'))
    else:
        (described if damage == "json" else broken / "history.json").write_text("{")
    refused = "midi_only.*(cannot be loaded.*train|is no TrainingResult.*make) it again"
    with pytest.raises(UserError, match=refused):
        scorer_of({"midi_only": broken}).score(Sources(midi=midi(playing(5))))


def test_silent_windows_are_counted_and_not_graded(
    scorer: Scorer, midi: Callable[..., Path], wav: Callable[..., Path]
) -> None:
    first, notes = playing(10), playing(10).notes.copy()
    notes["onset_s"] += 40
    notes["offset_s"] += 40
    notes["note_id"] += len(notes)
    torn = Performance(notes=np.concatenate([first.notes, notes]), pedal=first.pedal, duration_s=50)
    scored = scorer.score(Sources(midi=midi(torn)))
    # 0, 5 and 35, 40 have notes; 10, 15, 20, 25, 30 have none.
    assert (scored.windows, scored.silent_windows) == (4, 5)
    sound = np.concatenate([hum(10), np.zeros(30 * RATE_HZ, "f4"), hum(10)])
    heard = scorer.score(Sources(audio=wav(sound)))
    assert (heard.windows, heard.silent_windows) == (4, 5)


@pytest.mark.usefixtures("any_pair")
def test_files_heard_together_must_be_about_equally_long(
    scorer: Scorer, midi: Callable[..., Path], wav: Callable[..., Path]
) -> None:
    notes = midi(playing(17))
    near = scorer.score(Sources(midi=notes, audio=wav(hum(19.5))))
    assert (near.duration_s, near.windows) == (17, 3)
    assert near.file == f"{notes} + {notes.with_suffix('.wav')}"
    with pytest.raises(UserError, match=r"take.mid 17.0 s and take.wav 21.0 s.*by itself"):
        scorer.score(Sources(midi=notes, audio=wav(hum(21))))


def test_sound_is_read_as_it_is_graded(
    wav: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[float] = []
    read = models.inference.windows.read_audio_window
    monkeypatch.setattr(
        models.inference.windows,
        "read_audio_window",
        lambda path, start_s, *rest: reads.append(start_s) or read(path, start_s, *rest),
    )
    opened = open_performance(Sources(audio=wav(hum(60))), CORPUS.duration_tolerance_s)
    windows = read_windows(opened, CORPUS, RATE_HZ)
    assert reads == []
    next(windows)
    assert reads == [0.0]


def test_sound_at_another_rate_or_in_stereo_scores_alike(
    scorer: Scorer, wav: Callable[..., Path], tmp_path: Path
) -> None:
    time_s = np.arange(12 * 48_000) / 48_000
    fine = (0.2 * np.sin(2 * np.pi * 440 * time_s)).astype("f4")
    plain = scorer.score(Sources(audio=wav(fine[::2].copy(), "plain.wav")))
    stereo = wav(np.stack([fine, fine], axis=1), "stereo.wav", 48_000)
    np.testing.assert_allclose(values(scorer.score(Sources(audio=stereo))), values(plain), atol=0.5)


@pytest.mark.parametrize(
    ("notes", "sound", "tokens", "limited"),
    [
        ({}, False, "performance", {"tone_quality"}),
        ({}, True, "performance", set()),
        ({"controller": SOFT}, False, "performance", {"tone_quality", "pedal_technique"}),
        ({"controller": SOFT}, True, "performance", set()),
        ({}, False, "octuple", {"tone_quality", "pedal_technique"}),
        ({"velocity": 64}, False, "performance", {"tone_quality", "dynamic_range"}),
        ({"velocity": 64}, True, "performance", set()),
        (None, True, "performance", set()),
    ],
)
def test_what_cannot_be_judged(
    notes: dict[str, int] | None, sound: bool, tokens: Any, limited: set[str]
) -> None:
    music = None
    if notes is not None:
        whole = playing(12)
        changed, pedal = whole.notes.copy(), whole.pedal.copy()
        changed["velocity"] = notes.get("velocity", changed["velocity"])
        pedal["controller"] = notes.get("controller", pedal["controller"])
        music = dataclasses.replace(whole, notes=changed, pedal=pedal)
    opened = Opened(notes=music, sound=Path("take.wav") if sound else None, duration_s=12)
    assert set(find_limits(opened, tokens, 10)) == limited
    short = find_limits(dataclasses.replace(opened, duration_s=9.9), tokens, 10)
    assert set(short) == limited | {"overall_interpretation"}
    if notes is not None:
        found = find_limits(dataclasses.replace(opened, transcribed=True), tokens, 10)
        assert set(found) == limited | (set() if sound else {"note_accuracy", "pedal_technique"})
        assert all("file" not in reason and "was heard" not in reason for reason in found.values())


def _header(division: int, tracks: int = 1) -> bytes:
    return b"MThd\0\0\0\6\0\0" + tracks.to_bytes(2, "big") + division.to_bytes(2, "big")


def _track(*events: bytes) -> bytes:
    body = b"".join(events) + b"\0\xff\x2f\0"
    return b"MTrk" + len(body).to_bytes(4, "big") + body


SOUND_MIDI = write_midi(playing(12))
SLOWEST = b"\0\xff\x51\x03\xff\xff\xff"
BROKEN: dict[str, bytes] = {
    "empty.mid": b"",
    "empty.wav": b"",
    "text.mid": b"dear diary, today I practised\n" * 9,
    "text.txt": b"dear diary, today I practised\n" * 9,
    "noise.mp3": np.random.default_rng(0).bytes(20_000),
    "noise.bin": b"MThd" + np.random.default_rng(0).bytes(20_000),
    "headless.raw": np.random.default_rng(1).bytes(20_000),
    "header.mid": SOUND_MIDI[:14],
    "truncated.mid": SOUND_MIDI[: len(SOUND_MIDI) // 2],
    "nothing.mid": _header(480) + _track(),
    "no-division.mid": _header(0) + _track(b"\0\x90\x3c\x40", b"\x60\x80\x3c\0"),
    "smpte.mid": _header(0xE728) + _track(b"\0\x90\x3c\x40", b"\x60\x80\x3c\0"),
    "low.mid": _header(480) + _track(b"\0\x90\x05\x40", b"\x60\x80\x05\0"),
    "year.mid": _header(1) + _track(SLOWEST, b"\0\x90\x3c\x40", b"\xbd\x84\x3f\x80\x3c\0"),
    "short.mid": write_midi(playing(0.6)),
    "dense.mid": _header(480) + _track(*(b"\0\x90\x3c\x40\x01\x80\x3c\0" for _ in range(3000))),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_errors_in_one_line(scorer: Scorer, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(UserError, match="expected") as caught:
        scorer.score(find_sources(tmp_path / name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_finer_encodings_of_a_sound_are_heard_as_the_corpus_keeps_it(
    scorer: Scorer, tmp_path: Path, encoding: str
) -> None:
    time_s = np.arange(12 * RATE_HZ) / RATE_HZ
    sound = 0.5 * np.sin(2 * np.pi * 440 * time_s) * np.exp(-3 * (time_s % 4))
    coarse = np.rint(sound * 2**15) / 2**15
    grades = []
    for name, samples, subtype in (("a", coarse, "PCM_16"), ("b", sound, encoding)):
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE_HZ, subtype=subtype)
        grades.append(scorer.score(find_sources(tmp_path / f"{name}.wav")).scores)
    assert grades[0] == pytest.approx(grades[1], abs=0.01)


@pytest.mark.parametrize("name", ["take.mid", "take.rmi", "take"])
def test_a_midi_file_in_a_riff_file_is_known_as_midi(
    scorer: Scorer, tmp_path: Path, name: str
) -> None:
    (tmp_path / "plain.mid").write_bytes(SOUND_MIDI)
    (tmp_path / name).write_bytes(b"RIFF\0\0\1\0RMIDdata\0\0\0\0" + SOUND_MIDI)
    found = scorer.score(find_sources(tmp_path / name))
    assert found.modality == "midi"
    assert found.scores == scorer.score(find_sources(tmp_path / "plain.mid")).scores


def test_a_midi_file_of_twelve_hours_is_the_longest(scorer: Scorer, tmp_path: Path) -> None:
    path = tmp_path / "long.mid"
    fourteen_hours = _track(SLOWEST, b"\0\x90\x3c\x40", b"\x97\x38\x80\x3c\0")
    path.write_bytes(_header(1) + fourteen_hours)
    with pytest.raises(UserError, match=f"lasts .* expected 1 to {LONGEST_S:g} s: cut it into"):
        scorer.score(Sources(midi=path))


@pytest.mark.parametrize(
    ("samples", "rate_hz", "problem"),
    [
        (np.zeros(0), RATE_HZ, "lasts 0 s"),
        (np.zeros(15 * RATE_HZ), RATE_HZ, "nothing to grade"),
        (np.full(15 * RATE_HZ, np.nan), RATE_HZ, "NaN"),
        (np.full(15 * RATE_HZ, 1e30), RATE_HZ, "full scale"),
        (np.zeros((999, 9)), RATE_HZ, "9 channels"),
        (np.zeros(50_000), 1, "1 sample a second"),
        (np.zeros(50_000), 10_000_000, "10,000,000 samples a second"),
        (np.zeros(RATE_HZ // 2), RATE_HZ, "lasts 0.5 s; expected 1 to .* grade a longer take"),
    ],
)
def test_sound_that_cannot_be_graded_is_refused(
    scorer: Scorer, wav: Callable[..., Path], samples: np.ndarray, rate_hz: int, problem: str
) -> None:
    with pytest.raises(UserError, match=problem):
        scorer.score(Sources(audio=wav(samples, rate_hz=rate_hz)))


def test_damaged_recordings_are_errors_and_quiet(
    scorer: Scorer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for suffix in ("flac", "ogg", "mp3", "wav"):
        path = tmp_path / f"take.{suffix}"
        soundfile.write(path, hum(12), RATE_HZ)
        data = path.read_bytes()
        assert scorer.score(find_sources(path)).modality == "audio"
        middle = len(data) // 2
        for number, damaged in enumerate(
            (data[:middle], data[:middle] + bytes(4000) + data[middle + 4000 :], data[1000:])
        ):
            broken = tmp_path / f"{number}.{suffix}"
            broken.write_bytes(damaged)
            with suppress(UserError):
                scorer.score(find_sources(broken))
    assert capfd.readouterr().err == ""


def test_only_regular_files_are_opened(scorer: Scorer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mid")
    for path, problem in (
        (tmp_path, "a folder"),
        (tmp_path / "pipe.mid", "no regular file"),
        (Path(os.devnull), "no regular file"),
        (tmp_path / "missing.mid", "No such file"),
        (tmp_path / ("long" * 200), "too long"),
    ):
        with pytest.raises(UserError, match=problem):
            find_sources(path)
        for sources in (Sources(midi=path), Sources(audio=path)):
            with pytest.raises(UserError, match=problem):
                scorer.score(sources)


def test_names_that_are_no_text_are_graded(scorer: Scorer, tmp_path: Path) -> None:
    named = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.mid"))
    named.write_bytes(SOUND_MIDI)
    assert scorer.score(find_sources(named)).windows == 2
    sound = named.with_suffix(".wav")
    with sound.open("wb") as file:
        soundfile.write(file, hum(10), RATE_HZ, format="WAV")
    assert scorer.score(find_sources(sound)).modality == "audio"


def test_files_are_known_by_what_they_hold(tmp_path: Path) -> None:
    odd = tmp_path / "performance.dat"
    odd.write_bytes(SOUND_MIDI)
    assert find_sources(odd).modalities == {"midi"}
    named = tmp_path / "take.mid"
    named.write_bytes(b"RIFF")
    assert find_sources(named).modalities == {"midi"}
    named = tmp_path / "take.dat"
    named.write_bytes(b"RIFF")
    assert find_sources(named).modalities == {"audio"}


@pytest.mark.parametrize("seed", range(4))
def test_mutated_midi_is_an_error_or_a_score(scorer: Scorer, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcomes = []
    for _ in range(30):
        data = bytearray(SOUND_MIDI)
        for place in rng.integers(0, len(data), rng.integers(1, 6)):
            data[place] = rng.integers(0, 256)
        for place in rng.integers(0, 60, rng.integers(0, 3)):  # the header and what follows it
            data[place] = rng.integers(0, 256)
        path = tmp_path / "mutated.mid"
        path.write_bytes(data)
        try:
            scored = scorer.score(find_sources(path))
        except UserError:
            outcomes.append("error")
        else:
            found = values(scored)[judged(scored)]
            assert len(found)
            assert (found >= 0).all()
            assert (found <= 100).all()
            outcomes.append("scored")
    assert {"error", "scored"} == set(outcomes)
