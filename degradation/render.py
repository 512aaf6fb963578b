"""Renders notes and pedal with FluidSynth: one synthesiser a process and instrument."""

import ctypes
import functools
import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pretty_midi
from pydantic import Field

from degradation.errors import UserError
from degradation.notes import (
    DAMPED_TO,
    PEDAL_DOWN_FROM,
    PIANO_PITCHES,
    SUSTAIN,
    Performance,
    next_strike,
)
from degradation.operation import Parameters
from degradation.waveform import Waveform

BLOCK_SAMPLES = 64
"""FluidSynth applies events at the start of a block of this many samples (FLUID_BUFSIZE)."""

CHANNEL = 0
MIDI_CHANNELS = 16
VOICES_PER_NOTE = 4
POLYPHONY = 2048
"""Voices; a note takes one or two, and holds them while the pedal is down or it fades slowly. Where
they run out, what is heard depends on what was rendered before."""

SETTINGS = {
    "synth.reverb.active": 0,
    "synth.chorus.active": 0,
    "synth.polyphony": POLYPHONY,
    "synth.threadsafe-api": 0,
    "synth.dynamic-sample-loading": 1,
}
"""FluidSynth's settings. Samples are loaded for the chosen preset alone: a whole General MIDI
soundfont takes up to 230 MB a process and ten seconds to decode."""

SOUNDFONT_FOLDERS = (Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3"))
"""Where Debian's packages install soundfonts."""

MEMORY_MAP = Path("/proc/self/maps")
"""Where Linux lists the libraries that this process has loaded."""

FLUID_ERR = 1
"""FluidSynth's log level of errors (`fluid_log_level`)."""

RESET_CONTROLLERS = 121
"""MIDI controller number of the message that lifts all pedals; in FluidSynth, it takes back changed
generators, too."""

RELEASE_TIME = 38
"""SoundFont generator `releaseVolEnv` (SoundFont 2.04, 8.1.3): timecents, 1200 to an octave."""

FREE_RELEASE_OCTAVES = 5
"""At `PEDAL_DOWN_FROM` a released note rings so many octaves longer than damped: with the recipes'
soundfonts about as long as one whose key is held."""

NOTE_OFF, PEDAL, NOTE_ON = range(3)
"""Kinds of events, in their order within one block: a key is released before it is restruck."""


class Instrument(Parameters):
    """A preset of a soundfont and how it is played back.

    `soundfont` is a path, or the name of a file in pretty_midi's folder or in one of
    `SOUNDFONT_FOLDERS`. `gain` is FluidSynth's linear `synth.gain`. Below 16 kHz a block of the
    synthesiser would be so long that onsets were up to 2 ms off.
    """

    soundfont: str
    bank: int = Field(ge=0, le=16383)
    program: int = Field(ge=0, le=127)
    sample_rate_hz: int = Field(ge=16000, le=96000)
    gain: float = Field(gt=0, le=10)

    def find_soundfont(self) -> Path | None:
        """Return the soundfont's path, None when it is not installed."""
        folders = (Path(), Path(pretty_midi.__file__).parent, *SOUNDFONT_FOLDERS)
        return next(filter(Path.is_file, (folder / self.soundfont for folder in folders)), None)

    def soundfont_path(self) -> Path:
        """Return the soundfont's path. Raises UserError when it is not installed."""
        if (path := self.find_soundfont()) is not None:
            return path
        raise UserError(
            f"soundfont {self.soundfont!r} was not found; expected a path to an .sf2 or .sf3 file: "
            "correct `instrument.soundfont` in the recipe or install the soundfont"
        )


@functools.cache
def soundfont_digest(path: Path) -> str:
    """Return the first 16 hexadecimal digits of a soundfont's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def load_fluidsynth() -> Any:
    """Return pyfluidsynth's module. Raises UserError where FluidSynth's library is missing."""
    try:
        import fluidsynth
    except ImportError as error:
        raise UserError(
            "FluidSynth's library was not found; install it: `apt-get install libfluidsynth3` "
            "(Debian, Ubuntu), `brew install fluid-synth` (macOS) or "
            "`conda install -c conda-forge fluidsynth`"
        ) from error
    return fluidsynth


def fluidsynth_version() -> str:
    """Return the version of FluidSynth's library. Raises UserError where it is missing."""
    library = load_fluidsynth()._fl
    library.fluid_version_str.restype = ctypes.c_char_p
    version: bytes = library.fluid_version_str()
    return version.decode()


class Synthesiser:
    """FluidSynth with one soundfont; every rendering starts from the same state."""

    def __init__(self, instrument: Instrument) -> None:
        path = instrument.soundfont_path()
        fluidsynth = load_fluidsynth()
        library = fluidsynth._fl
        # The user gets one line, our own; FluidSynth would add its lines on stderr.
        library.fluid_set_log_function(FLUID_ERR, None, None)
        if path.suffix == ".sf3":
            _refuse_second_decoder(path)
        self.instrument = instrument
        self._synth = fluidsynth.Synth(
            gain=instrument.gain,
            samplerate=float(instrument.sample_rate_hz),
            **SETTINGS,
        )
        # pyfluidsynth offers 16-bit output only; its library handle has the rest.
        self._write_float = library.fluid_synth_write_float
        self._write_float.argtypes = [
            *(ctypes.c_void_p, ctypes.c_int),
            *(ctypes.c_void_p, ctypes.c_int, ctypes.c_int),
            *(ctypes.c_void_p, ctypes.c_int, ctypes.c_int),
        ]
        self._all_sounds_off = library.fluid_synth_all_sounds_off
        self._all_sounds_off.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self._set_generator = library.fluid_synth_set_gen
        self._set_generator.argtypes = [
            *(ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_float),
        ]
        self._active_voices = library.fluid_synth_get_active_voice_count
        self._active_voices.argtypes = [ctypes.c_void_p]
        is_soundfont = library.fluid_is_soundfont(str(path).encode())
        self._soundfont = self._synth.sfload(str(path)) if is_soundfont else -1
        if self._soundfont < 0:
            raise UserError(
                f"soundfont {path} cannot be read by FluidSynth; expected an SF2 or SF3 file: "
                "install it again"
            )
        self._use_every_voice_once()

    def render(self, performance: Performance) -> Waveform:
        """Return `duration_s` seconds of mono sound (the mean of the piano's two channels).

        An onset sounds at the nearest block of 64 samples: at 24 kHz within 1.33 ms.
        The sustain pedal is continuous: see `release_octaves`.
        """
        self._reset()
        n_samples = round(performance.duration_s * self.instrument.sample_rate_hz)
        n_blocks = -(-n_samples // BLOCK_SAMPLES)
        stereo = np.zeros((2, n_blocks * BLOCK_SAMPLES), dtype=np.float32)
        written = 0
        for block, kind, key, value in self._events(performance):
            if block >= n_blocks:
                break
            self._write(stereo, written, block)
            written = block
            if kind == NOTE_ON:
                self._synth.noteon(CHANNEL, key, value)
            elif kind == NOTE_OFF:
                self._synth.noteoff(CHANNEL, key)
            else:
                if key == SUSTAIN:
                    self._set_release(value)
                self._synth.cc(CHANNEL, key, value)
        self._write(stereo, written, n_blocks)
        mono = stereo.mean(axis=0, dtype=np.float32)[:n_samples]
        return Waveform(samples=mono, sample_rate_hz=self.instrument.sample_rate_hz)

    def _use_every_voice_once(self) -> None:
        """Play notes until every voice has been used.

        A voice's first note starts from another filter state than its later ones, so the same
        notes would give other samples, depending on what was played before.
        """
        self._choose_piano(CHANNEL)
        self._reset()
        one_block = np.empty((2, BLOCK_SAMPLES), dtype=np.float32)
        for channel, key in itertools.product(range(MIDI_CHANNELS), PIANO_PITCHES):
            if self._active_voices(self._synth.synth) >= POLYPHONY - VOICES_PER_NOTE:
                break
            if key == PIANO_PITCHES.start:
                self._choose_piano(channel)
            self._synth.noteon(channel, key, 64)
            self._write(one_block, 0, 1)  # FluidSynth's event queue is short

    def _set_release(self, pedal: int) -> None:
        # FluidSynth changes it in notes that ring, too: they are damped as the pedal comes up, and
        # ring on when it catches them again. Its own sustain is a switch at `PEDAL_DOWN_FROM`.
        timecents = 1200 * release_octaves(pedal)
        self._set_generator(self._synth.synth, CHANNEL, RELEASE_TIME, timecents)

    def _reset(self) -> None:
        # A reset of controllers lets notes ring on; a voice that is off is free after one block.
        self._all_sounds_off(self._synth.synth, -1)
        self._write(np.empty((2, BLOCK_SAMPLES), dtype=np.float32), 0, 1)
        self._synth.cc(CHANNEL, RESET_CONTROLLERS, 0)

    def _choose_piano(self, channel: int) -> None:
        instrument = self.instrument
        chosen = self._synth.program_select(
            channel, self._soundfont, instrument.bank, instrument.program
        )
        if chosen < 0:
            raise UserError(
                f"soundfont {instrument.soundfont} has no bank {instrument.bank} program "
                f"{instrument.program}; pianos are bank 0 program 0: correct `instrument`"
            )

    def _events(self, performance: Performance) -> list[tuple[int, int, int, int]]:
        """Return all events as (block, kind, key or controller, value), in order."""
        notes, pedal = performance.notes, performance.pedal
        blocks_per_s = self.instrument.sample_rate_hz / BLOCK_SAMPLES
        on = np.rint(notes["onset_s"] * blocks_per_s).astype(np.int64)
        off = np.maximum(np.rint(notes["offset_s"] * blocks_per_s).astype(np.int64), on + 1)
        at = np.rint(pedal["time_s"] * blocks_per_s).astype(np.int64)
        # A note shorter than a block may end after its key is restruck. FluidSynth ends it at the
        # restrike by itself; a NOTE_OFF would end the new note too.
        let_go = off <= next_strike(notes["pitch"], on)
        kinds = (
            (NOTE_ON, on, notes["pitch"], notes["velocity"]),
            (NOTE_OFF, off[let_go], notes["pitch"][let_go], np.zeros(let_go.sum(), dtype=int)),
            (PEDAL, at, pedal["controller"], pedal["value"]),
        )
        events = [
            (block, kind, key, value)
            for kind, *columns in kinds
            for block, key, value in zip(*(column.tolist() for column in columns), strict=True)
        ]
        # The sort is stable: pedal movements of one block keep their order.
        return sorted(events, key=lambda event: event[:2])

    def _write(self, stereo: np.ndarray, first_block: int, end_block: int) -> None:
        start, count = first_block * BLOCK_SAMPLES, (end_block - first_block) * BLOCK_SAMPLES
        if count:
            left = stereo.ctypes.data + start * stereo.itemsize
            right = left + stereo.strides[0]
            self._write_float(self._synth.synth, count, left, 0, 1, right, 0, 1)


def _refuse_second_decoder(path: Path) -> None:
    """Raise UserError when FluidSynth was loaded before soundfile (see `degradation/__init__`)."""
    if MEMORY_MAP.exists():
        loaded = {line.split()[-1] for line in MEMORY_MAP.open() if "libsndfile" in line}
        if len(loaded) > 1:
            raise UserError(
                f"{path.name} would be decoded by another libsndfile than that of soundfile: "
                f"{', '.join(sorted(loaded))}; expected one in the process: import degradation "
                "before pretty_midi and fluidsynth"
            )


def release_octaves(pedal: int) -> float:
    """Return how many octaves longer a note takes to fade under the pedal than without.

    0 up to `DAMPED_TO`, `FREE_RELEASE_OCTAVES` from `PEDAL_DOWN_FROM`, linear between: dampers that
    touch the strings lightly stop them slowly (Lehtonen et al. 2009).
    """
    lifted = (pedal - DAMPED_TO) / (PEDAL_DOWN_FROM - DAMPED_TO)
    return FREE_RELEASE_OCTAVES * min(max(lifted, 0.0), 1.0)


@functools.cache
def warm_synthesiser(instrument: Instrument) -> Synthesiser:
    """Return this process's synthesiser for an instrument, loaded on first use."""
    return Synthesiser(instrument)


def render(performance: Performance, instrument: Instrument) -> Waveform:
    """Return a performance as mono sound; see `Synthesiser.render`."""
    return warm_synthesiser(instrument).render(performance)
