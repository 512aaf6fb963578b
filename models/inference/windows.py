"""Opens a performance of any length, and cuts it into windows such as models learn on."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from degradation.errors import UserError
from degradation.notes import TICK_S, Performance, cut_window, snap
from degradation.waveform import Waveform
from models.config.experiment import MODALITY_WORDS, Modality
from models.inference.pair_fit import check_fit
from models.inference.sources import Sources, check_regular, readable
from storage.audio import read_audio_window
from storage.corpus import CorpusConfig
from storage.midi import PianoMusic, read_piano
from storage.recordings import open_recording
from storage.segments import window_starts

if TYPE_CHECKING:
    from models.inference.transcriber import Transcriber

LONGEST_S = 12 * 3600.0
"""A longer file is a mistake or an attack: a few bytes of MIDI can claim a year."""

LONGEST_TRANSCRIBED_S = 3600.0
"""A recording is transcribed whole, in memory: an hour takes 2 GB."""

LARGEST_MIDI_BYTES = 8 << 20
"""Twice what twelve hours of dense playing need; more would take over a gigabyte to read."""

LEAST_S = 1.0
"""A shorter performance holds a note or two, and nothing to grade."""

MOST_NOTES_A_WINDOW = 2000
"""Ten fingers at twenty strokes a second for ten seconds; attention over more takes gigabytes."""

SILENCE_PEAK = 2.0**-16
"""Half a step of 16 bits: the corpus's FLAC keeps quieter samples as zeros."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A performance ready to be cut: its notes in memory, its sound left in the file.

    `transcribed` says that the notes were found in the sound. `left_out` are remarks on what of
    the files is not graded, or was changed.
    """

    notes: Performance | None
    sound: Path | None
    duration_s: float
    transcribed: bool = False
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """One window of a performance; None is what the model is not given."""

    duration_s: float
    notes: Performance | None
    sound: Waveform | None

    @property
    def silent(self) -> bool:
        """Whether no note begins in it, or its sound is digital silence."""
        if self.notes is not None and not len(self.notes.notes):
            return True
        return self.sound is not None and not (np.abs(self.sound.samples) >= SILENCE_PEAK).any()


def open_performance(sources: Sources, tolerance_s: float) -> Opened:
    """Return a performance with its length: of two files, what both cover.

    Raises UserError for a file that cannot be read, lasts under a second or over twelve hours,
    and for two files whose lengths differ by more than `tolerance_s` or that are no pair.
    """
    notes, lengths_s = None, {}
    left_out: tuple[str, ...] = ()
    if sources.midi is not None:
        music = _read_notes(sources.midi)
        notes, left_out = music.performance, music.left_out
        lengths_s[sources.midi] = float(notes.notes["offset_s"].max())
    if sources.audio is not None:
        check_regular(sources.audio)
        with _reading_sound(sources.audio):
            recording = open_recording(sources.audio)
        lengths_s[sources.audio] = recording.duration_s
        left_out += recording.left_out
    duration_s = _shared_length(lengths_s, tolerance_s)
    if notes is not None and sources.audio is not None:
        with _reading_sound(sources.audio):
            left_out += check_fit(notes.notes, sources.audio, duration_s)
    return Opened(notes=notes, sound=sources.audio, duration_s=duration_s, left_out=left_out)


def open_for(
    sources: Sources,
    modalities: frozenset[Modality],
    tolerance_s: float,
    transcriber: "Transcriber | None",
) -> Opened:
    """Return what a model that reads `modalities` is given of a performance.

    With a transcriber its notes are those found in its sound. Raises UserError as
    `open_performance` and `open_transcribed` do, also of a file that the model does not read, and
    for MIDI that is to be transcribed.
    """
    if transcriber is None:
        opened = open_performance(sources.only(modalities), tolerance_s)
        if unread := sources.modalities - modalities:
            remarks = open_performance(sources, tolerance_s).left_out
            words = " and ".join(MODALITY_WORDS[modality] for modality in sorted(unread))
            opened = replace(
                opened,
                left_out=(*remarks, f"the {words} is not graded: this model does not read it"),
            )
        return opened
    if sources.midi is not None or sources.audio is None:
        raise UserError(
            f"{sources.name} has MIDI; expected audio alone to transcribe: leave out "
            "--transcribe, or the MIDI"
        )
    return open_transcribed(
        sources.audio, transcriber, LONGEST_TRANSCRIBED_S, with_sound="audio" in modalities
    )


def _shared_length(lengths_s: Mapping[Path, float], tolerance_s: float) -> float:
    for path, length_s in lengths_s.items():
        if not LEAST_S <= length_s <= LONGEST_S:
            mend = "grade a longer take" if length_s < LEAST_S else "cut it into pieces"
            raise UserError(
                f"{path.name} lasts {length_s:.6g} s; expected {LEAST_S:g} to {LONGEST_S:g} s: "
                f"{mend}, or export it again"
            )
    shortest_s, longest_s = min(lengths_s.values()), max(lengths_s.values())
    if longest_s - shortest_s > tolerance_s:
        both = " and ".join(f"{path.name} {length:.1f} s" for path, length in lengths_s.items())
        raise UserError(
            f"{both} are not equally long; expected one performance that begins in both at the "
            f"same moment, and at most {tolerance_s:g} s between their ends: cut them alike, or "
            "grade each by itself"
        )
    return shortest_s


def open_transcribed(
    audio: Path, transcriber: "Transcriber", longest_s: float, *, with_sound: bool
) -> Opened:
    """Return a recording as the notes that are found in it, and its sound where that is wanted.

    Raises UserError for a file that cannot be read, is empty or longer than `longest_s`.
    """
    check_regular(audio)
    with _reading_sound(audio):
        recording = open_recording(audio)
        duration_s = recording.duration_s
        if not 0 < duration_s <= longest_s:
            raise UserError(
                f"{audio.name} lasts {duration_s:.6g} s; expected more than none and at most "
                f"{longest_s:g} s to transcribe: cut it into pieces"
            )
        sound = read_audio_window(audio, 0.0, duration_s, transcriber.sample_rate_hz)
    return Opened(
        notes=transcriber.transcribe(sound),
        sound=audio if with_sound else None,
        duration_s=duration_s,
        transcribed=True,
        left_out=recording.left_out,
    )


def window_bounds(duration_s: float, corpus: CorpusConfig) -> list[tuple[float, float]]:
    """Return start and length of each window in seconds: those of the corpus, to the end.

    Where its last window leaves a rest, one more ends with the music; a performance shorter
    than a window is one window.
    """
    if duration_s <= corpus.window_s:
        return [(0.0, duration_s)]
    starts = window_starts(duration_s, corpus)
    last_s = duration_s - corpus.window_s
    if last_s - starts[-1] > TICK_S:
        starts.append(last_s)
    return [(start_s, corpus.window_s) for start_s in starts]


def read_windows(opened: Opened, corpus: CorpusConfig, sample_rate_hz: int) -> Iterator[Window]:
    """Yield a performance's windows in order; sound is read window by window, as mono.

    Raises UserError where a recording turns out to be broken, or no hands could play the notes.
    """
    for start_s, length_s in window_bounds(opened.duration_s, corpus):
        notes = sound = None
        if opened.notes is not None:
            length_s = max(snap(length_s), TICK_S)
            notes = cut_window(opened.notes, start_s, length_s)
            if len(notes.notes) > MOST_NOTES_A_WINDOW:
                raise UserError(
                    f"{len(notes.notes):,} notes begin within {length_s:g} s of {start_s:.1f} s; "
                    f"expected at most {MOST_NOTES_A_WINDOW:,}, more than hands can play: export "
                    "the performance again"
                )
        if opened.sound is not None:
            with _reading_sound(opened.sound):
                sound = read_audio_window(opened.sound, start_s, length_s, sample_rate_hz)
            # As the corpus keeps it, in 16 bits; half steps, as of two channels, all go one way.
            steps = np.floor(sound.samples * 2.0**15 + 0.5) / 2.0**15
            sound = Waveform(samples=steps.astype(np.float32), sample_rate_hz=sample_rate_hz)
        yield Window(duration_s=length_s, notes=notes, sound=sound)


def _read_notes(path: Path) -> PianoMusic:
    check_regular(path)
    with readable(path):
        size = path.stat().st_size
        if size > LARGEST_MIDI_BYTES:
            raise UserError(
                f"{path.name} has {size:,} bytes; expected a MIDI file of at most "
                f"{LARGEST_MIDI_BYTES:,}: export the performance again"
            )
        data = path.read_bytes()
    # Times of a damaged file may overflow; the performance is then refused as unsound.
    with np.errstate(all="ignore"):
        return read_piano(data, path.name)


@contextmanager
def _reading_sound(path: Path) -> Iterator[None]:
    """Keep what libsndfile's MP3 decoder prints from standard error.

    Raises UserError for a sample rate that is too high for the memory.
    """
    with ExitStack() as stack:
        with suppress(OSError):  # standard error may be closed
            kept = os.dup(2)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, 2)
            nowhere = stack.enter_context(open(os.devnull, "wb"))
            os.dup2(nowhere.fileno(), 2)
        try:
            yield
        except MemoryError as error:
            raise UserError(
                f"{path.name} needs more memory for a window than there is; expected an ordinary "
                "sample rate: convert the file"
            ) from error
