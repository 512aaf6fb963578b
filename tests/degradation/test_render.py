"""Rendering, measured in the sound: when, how loud, the same every time, and never clipped."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from numpy.typing import NDArray

from degradation import render as rendering
from degradation.degrade import CEILING, damage_sound
from degradation.errors import UserError
from degradation.factored import FactoredRecipe
from degradation.notes import SOFT, SOSTENUTO, SUSTAIN, Performance, snap
from degradation.render import (
    BLOCK_SAMPLES,
    POLYPHONY,
    Instrument,
    Synthesiser,
    render,
    soundfont_digest,
    warm_synthesiser,
)
from degradation.seeds import stream
from degradation.tiered import TieredRecipe

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]
Samples = NDArray[np.float32]

LARGEST_ONSET_ERROR_S = 0.003


@pytest.fixture(scope="module")
def piano(phase2: TieredRecipe) -> Instrument:
    return phase2.instrument


@pytest.fixture(scope="module")
def heard(piano: Instrument) -> Callable[[Performance], Samples]:
    return lambda performance: render(performance, piano).samples


Heard = Callable[[Performance], Samples]


def loudness(samples: Samples, from_s: float, to_s: float) -> float:
    part = samples[round(from_s * 24_000) : round(to_s * 24_000)]
    return float(np.sqrt(np.mean(np.square(part, dtype=np.float64))))


def delay_s(late: Samples, early: Samples) -> float:
    match = scipy.signal.correlate(late, early, mode="full", method="fft")
    return float(np.argmax(match) - (len(early) - 1)) / 24_000


@pytest.mark.parametrize("pitch", [21, 48, 72, 108])
@pytest.mark.parametrize("velocity", [20, 64, 127])
def test_an_onset_is_heard_when_it_is_played(
    assemble: Assemble, heard: Heard, pitch: int, velocity: int
) -> None:
    """Against the same note at time 0, over more than a block of the synthesiser in small steps."""
    at_zero = heard(assemble([(0.0, 0.4, pitch, velocity)], duration_s=1.0))
    block_s = BLOCK_SAMPLES / 24_000
    for onset_s in snap(0.3 + np.linspace(0.0, 1.5 * block_s, 13)):
        late = heard(assemble([(onset_s, onset_s + 0.4, pitch, velocity)], duration_s=1.0))
        assert abs(delay_s(late, at_zero) - onset_s) < LARGEST_ONSET_ERROR_S
        assert not late[: round((onset_s - LARGEST_ONSET_ERROR_S) * 24_000)].any()


@pytest.mark.parametrize("sample_rate_hz", [16_000, 44_100])
def test_onsets_are_as_near_at_other_sample_rates(
    assemble: Assemble, piano: Instrument, sample_rate_hz: int
) -> None:
    synthesiser = Synthesiser(piano.model_copy(update={"sample_rate_hz": sample_rate_hz}))
    for onset_s in snap(np.linspace(0.2, 0.21, 7)):
        note = assemble([(onset_s, 0.5, 60, 100)], duration_s=0.5)
        first = int(np.argmax(np.abs(synthesiser.render(note).samples) > 0))
        assert abs(first / sample_rate_hz - onset_s) < LARGEST_ONSET_ERROR_S


def test_the_length_is_that_of_the_window(
    assemble: Assemble, compose: Compose, heard: Heard
) -> None:
    assert len(heard(compose(0))) == 240_000
    assert len(heard(assemble([(0.0, 0.1, 60, 64)], duration_s=0.12345))) == round(0.12345 * 24_000)
    assert not heard(assemble([], duration_s=0.5)).any()


def test_the_damaged_notes_are_what_is_heard(assemble: Assemble, heard: Heard) -> None:
    """The loudest partial of an A is at 440 Hz, and a semitone up at 466 Hz."""
    for pitch, frequency_hz in ((69, 440.0), (70, 466.16)):
        sound = heard(assemble([(0.0, 2.0, pitch, 80)], duration_s=2.0))
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        assert np.argmax(spectrum) / 2 == pytest.approx(frequency_hz, abs=2)


def test_louder_keys_are_louder(assemble: Assemble, heard: Heard) -> None:
    levels = [
        loudness(heard(assemble([(0.0, 1.0, 60, velocity)], duration_s=1.0)), 0.0, 1.0)
        for velocity in range(5, 128, 10)
    ]
    assert levels == sorted(levels)


def test_a_note_shorter_than_a_block_is_heard_and_let_go(assemble: Assemble, heard: Heard) -> None:
    held = heard(assemble([(0.1, 2.0, 60, 100)], duration_s=2.0))
    for onset_s in snap(0.1 + np.linspace(0, BLOCK_SAMPLES / 24_000, 9)):
        sound = heard(assemble([(onset_s, onset_s + 0.00005, 60, 100)], duration_s=2.0))
        assert loudness(sound, 0.1, 0.2) > 0.02 * loudness(held, 0.1, 0.2)
        assert loudness(sound, 1.5, 2.0) < 0.02 * loudness(held, 1.5, 2.0)


@pytest.mark.parametrize("gap_s", [0.00005, 0.001, 0.0015, 0.003, 0.01, 0.1])
def test_a_restrike_is_heard_however_soon_it_comes(
    assemble: Assemble, heard: Heard, gap_s: float
) -> None:
    """The second note rings on by itself: the end of the first does not let go of it."""
    for first_s in snap(0.1 + np.linspace(0, BLOCK_SAMPLES / 24_000, 5)):
        again_s = first_s + gap_s
        both = heard(assemble([(first_s, again_s, 60, 90), (again_s, 1.5, 60, 90)], duration_s=1.5))
        alone = heard(assemble([(again_s, 1.5, 60, 90)], duration_s=1.5))
        assert loudness(both, 0.9, 1.4) > 0.8 * loudness(alone, 0.9, 1.4)


def test_a_restrike_has_an_attack_of_its_own(assemble: Assemble, heard: Heard) -> None:
    once = heard(assemble([(0.0, 1.5, 60, 90)], duration_s=1.5))
    twice = heard(assemble([(0.0, 0.75, 60, 90), (0.75, 1.5, 60, 90)], duration_s=1.5))
    assert loudness(twice, 0.75, 0.9) > 1.5 * loudness(once, 0.75, 0.9)


def test_a_key_let_go_falls_silent(assemble: Assemble, heard: Heard) -> None:
    sound = heard(assemble([(0.0, 0.3, 72, 100)], duration_s=3.0))
    assert loudness(sound, 2.5, 3.0) < 0.001 * loudness(sound, 0.0, 0.3)


def digest(samples: Samples) -> str:
    return hashlib.sha256(samples.tobytes()).hexdigest()


def test_samples_are_the_same_in_any_order_and_in_a_fresh_synthesiser(
    assemble: Assemble, compose: Compose, piano: Instrument
) -> None:
    music = [compose(seed, count, 3.0) for seed, count in enumerate((5, 300, 1))]
    music.append(assemble([]))
    warm = Synthesiser(piano)
    forwards = [digest(warm.render(one).samples) for one in music]
    backwards = [digest(warm.render(one).samples) for one in reversed(music)][::-1]
    twice = [digest(warm.render(one).samples) for one in music for _ in range(2)]
    fresh = [digest(Synthesiser(piano).render(one).samples) for one in music]
    assert forwards == backwards == fresh == twice[::2] == twice[1::2]


@pytest.mark.slow
def test_one_preset_loaded_alone_gives_the_samples_of_the_whole_soundfont(
    compose: Compose,
    phase2: TieredRecipe,
    factored: FactoredRecipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For every instrument of the recipes that is installed."""
    instruments = dict.fromkeys((*phase2.instruments, *factored.instruments))
    pieces = [compose(seed, 60, 4.0) for seed in range(3)]
    alone = {i: [render(piece, i).samples for piece in pieces] for i in instruments}
    monkeypatch.setitem(rendering.SETTINGS, "synth.dynamic-sample-loading", 0)
    for instrument in instruments:
        whole = Synthesiser(instrument)
        for piece, samples in zip(pieces, alone[instrument], strict=True):
            np.testing.assert_array_equal(whole.render(piece).samples, samples)


def test_nothing_is_left_of_a_loud_piece(assemble: Assemble, heard: Heard) -> None:
    everything = [(0.001 * n, 1.0, 21 + n, 127) for n in range(88)]
    pedals = [(0.0, SUSTAIN, 127), (0.0, SOSTENUTO, 127), (0.0, SOFT, 127)]
    soft = assemble([(0.1, 0.5, 60, 30)], duration_s=1.0)
    before = heard(soft)
    assert np.abs(heard(assemble(everything, pedals, duration_s=1.0))).max() > 0.5
    assert not heard(assemble([], duration_s=1.0)).any()
    assert np.array_equal(heard(soft), before)


RENDER_ELSEWHERE = """
import hashlib, json, sys
import numpy as np
from degradation.notes import Performance
from degradation.render import Instrument, render

instrument = Instrument.model_validate_json(sys.argv[1])
digests = {}
for seed in sys.argv[3].split(","):
    notes, pedal = (np.load(f"{sys.argv[2]}/{name}{seed}.npy") for name in ("notes", "pedal"))
    performance = Performance(notes=notes, pedal=pedal, duration_s=2.0)
    samples = render(performance, instrument).samples
    digests[seed] = hashlib.sha256(samples.tobytes()).hexdigest()
print(json.dumps(digests))
"""


def test_another_process_makes_the_same_samples_in_another_order(
    tmp_path: Path, compose: Compose, piano: Instrument
) -> None:
    music = {str(seed): compose(seed, 100, 2.0) for seed in range(3)}
    for seed, one in music.items():
        np.save(tmp_path / f"notes{seed}.npy", one.notes)
        np.save(tmp_path / f"pedal{seed}.npy", one.pedal)
    here = {seed: digest(render(one, piano).samples) for seed, one in music.items()}
    arguments = [piano.model_dump_json(), str(tmp_path), "2,0,1"]
    spawned = subprocess.run(
        [sys.executable, "-c", RENDER_ELSEWHERE, *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(spawned.stdout.splitlines()[-1]) == here


def test_a_dense_fortissimo_does_not_clip_and_is_turned_down_to_fit(
    assemble: Assemble, heard: Heard, piano: Instrument
) -> None:
    chords = [
        (0.25 * beat, 0.25 * beat + 0.24, pitch, 127)
        for beat in range(8)
        for pitch in range(28, 100, 3)
    ]
    dense = assemble(chords, [(0.0, SUSTAIN, 127)], duration_s=2.0)
    loud = heard(dense)
    assert np.abs(loud).max() > 1.5, "the rendering is float, and not cut at full scale"
    made = damage_sound(render(dense, piano), [], lambda name: stream(0, name))
    assert np.abs(made.waveform.samples).max() <= CEILING + 1e-6
    gain = np.float32(10 ** (made.gain_db / 20))
    assert np.array_equal(made.waveform.samples, loud * gain)
    longest_flat = np.diff(np.flatnonzero(np.diff(made.waveform.samples) != 0)).max()
    assert longest_flat < 10, "the peaks are flattened"


def most_voices(synthesiser: Synthesiser, performance: Performance) -> int:
    """Voices that sound at once, counted at every half second and at the end."""
    import fluidsynth

    counts = []
    for until_s in np.arange(0.5, performance.duration_s + 0.5, 0.5):
        early = performance.notes[performance.notes["onset_s"] < until_s].copy()
        pedal = performance.pedal[performance.pedal["time_s"] < until_s].copy()
        synthesiser.render(Performance(notes=early, pedal=pedal, duration_s=float(until_s)))
        counts.append(fluidsynth._fl.fluid_synth_get_active_voice_count(synthesiser._synth.synth))
    return int(max(counts))


def test_every_key_at_once_under_the_pedal_leaves_voices_over(
    assemble: Assemble, piano: Instrument
) -> None:
    clusters = [
        (0.5 * turn + 0.001 * key, 0.5 * turn + 0.4, 21 + key, 127)
        for turn in range(6)
        for key in range(88)
    ]
    cluster = assemble(clusters, [(0.0, SUSTAIN, 127)], duration_s=3.0)
    assert 88 <= most_voices(warm_synthesiser(piano), cluster) < POLYPHONY


@pytest.mark.slow
@pytest.mark.real_data
def test_the_densest_real_windows_leave_voices_over_and_come_out_alike(
    densest_maestro_windows: list[Performance], piano: Instrument
) -> None:
    warm = warm_synthesiser(piano)
    assert max(len(window.notes) for window in densest_maestro_windows) > 300
    forwards = [digest(warm.render(window).samples) for window in densest_maestro_windows]
    backwards = [digest(warm.render(window).samples) for window in densest_maestro_windows[::-1]]
    assert forwards == backwards[::-1]
    for window in densest_maestro_windows:
        assert most_voices(warm, window) < POLYPHONY


@pytest.fixture
def refusal(capfd: pytest.CaptureFixture[str]) -> Callable[[Instrument], str]:
    """What a person reads when an instrument cannot be had, with nothing from C beside it."""

    def refused(instrument: Instrument) -> str:
        with pytest.raises(UserError) as caught:
            Synthesiser(instrument)
        assert capfd.readouterr() == ("", "")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refused


Refusal = Callable[[Instrument], str]


def test_a_soundfont_that_is_not_there_is_refused(refusal: Refusal, piano: Instrument) -> None:
    message = refusal(piano.model_copy(update={"soundfont": "nowhere.sf2"}))
    assert "soundfont 'nowhere.sf2' was not found; expected" in message
    assert "instrument.soundfont" in message


def test_a_file_that_is_no_soundfont_is_refused(
    refusal: Refusal, tmp_path: Path, piano: Instrument
) -> None:
    path = tmp_path / "text.sf2"
    path.write_text("no soundfont")
    message = refusal(piano.model_copy(update={"soundfont": str(path)}))
    assert f"soundfont {path} cannot be read by FluidSynth; expected an SF2" in message


def test_a_soundfont_cut_short_is_refused(tmp_path: Path, piano: Instrument) -> None:
    path = tmp_path / "short.sf2"
    path.write_bytes(piano.soundfont_path().read_bytes()[:100_000])
    with pytest.raises(UserError, match="cannot be read by FluidSynth"):
        Synthesiser(piano.model_copy(update={"soundfont": str(path)}))


def test_a_preset_that_the_soundfont_has_not_is_refused(
    refusal: Refusal, piano: Instrument
) -> None:
    message = refusal(piano.model_copy(update={"bank": 77, "program": 5}))
    assert "has no bank 77 program 5" in message


def test_a_missing_library_is_told_in_one_line(piano: Instrument) -> None:
    """In a process whose linker finds no FluidSynth, as on a machine without it."""
    program = (
        "import ctypes.util, sys\n"
        "ctypes.util.find_library = lambda name: None\n"
        "from degradation.errors import UserError\n"
        "from degradation.render import Instrument, Synthesiser\n"
        "try:\n"
        "    Synthesiser(Instrument.model_validate_json(sys.argv[1]))\n"
        "except UserError as error:\n"
        "    print(error)\n"
    )
    spawned = subprocess.run(
        [sys.executable, "-c", program, piano.model_dump_json()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = spawned.stdout.strip()
    assert told.startswith("FluidSynth's library was not found; install it: `apt-get install")
    assert "brew install" in told
    assert "conda install" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("field", "value"),
    [("sample_rate_hz", 8000), ("gain", 0), ("gain", 11), ("bank", -1), ("program", 128)],
)
def test_an_instrument_out_of_range_is_refused(piano: Instrument, field: str, value: int) -> None:
    with pytest.raises(ValueError, match=field):
        Instrument.model_validate(piano.model_dump() | {field: value})


def test_the_digest_of_a_soundfont_follows_its_bytes(tmp_path: Path) -> None:
    for name, data in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(data)
    one, same, other = (soundfont_digest(tmp_path / name) for name in "abc")
    assert one == same == hashlib.sha256(b"one").hexdigest()[:16]
    assert one != other


SECOND_DECODER = """
import fluidsynth
import soundfile
from degradation.errors import UserError
from degradation.render import Instrument, Synthesiser
piano = Instrument(
    soundfont="FluidR3Mono_GM.sf3", bank=0, program=0, sample_rate_hz=24000, gain=1.0
)
if piano.find_soundfont() is None:
    print("skip")
else:
    try:
        Synthesiser(piano)
    except UserError as error:
        print(error)
"""


def test_a_decoder_that_rounds_otherwise_is_refused() -> None:
    told = subprocess.run(
        [sys.executable, "-c", SECOND_DECODER], capture_output=True, text=True, check=True
    ).stdout
    if told.strip() == "skip" or not sys.platform.startswith("linux"):
        pytest.skip("no SF3 soundfont is installed, or it is not Linux")
    if told.strip() == "":
        pytest.skip("soundfile uses the system's own libsndfile here")
    assert "FluidR3Mono_GM.sf3 would be decoded by another libsndfile" in told
