"""Whether a MIDI file and a recording are the same music, begun at the same moment.

Where notes begin, the level of their pitch classes rises. Onsets and rises are correlated at every
lag: of one performance one lag stands out, other music gives chance everywhere.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.notes import NoteArray
from storage.audio import read_audio_window

FloatArray = NDArray[np.float64]

RATE_HZ = 11_025
FRAME, HOP = 2048, 441
STEP_S = HOP / RATE_HZ
"""40 ms; a frame of 186 ms separates semitones from C3 on."""

PITCHES = np.arange(48, 103)
"""C3 to F#7, which are compared."""

LONGEST_COMPARED_S = 600.0
"""A longer performance is compared on its beginning: about two seconds of work."""

MIN_ALIGNED_PEAK = 5.0
"""Minimum correlation peak of a matching pair, in standard deviations. On MAPS, 30 mismatched
pairs reached 0.1 to 4.5 and six matching ones 11.7 to 30.5."""

MIN_SHIFTED_PEAK = 8.0
"""Minimum peak of the same music at another lag; other music reached at most 6.8."""

LARGEST_OFFSET_S = 0.2
"""Beginnings that lie further apart are reported."""

MIN_NOTES = 100
"""With fewer notes, chance may decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFit:
    """How far the correlation stands out, in standard deviations over all lags.

    `together` is its maximum at lags up to `LARGEST_OFFSET_S`, `best` that at any lag: there the
    sound is `offset_s` later than the notes.
    """

    together: float
    best: float
    offset_s: float


def check_fit(notes: NoteArray, audio: Path, duration_s: float) -> tuple[str, ...]:
    """Return remarks on a pair: none where both begin together.

    Raises UserError where they are not one performance.
    """
    fit = measure_fit(notes, audio, duration_s)
    if fit is None:
        return ()
    if fit.best >= MIN_SHIFTED_PEAK and abs(fit.offset_s) > LARGEST_OFFSET_S:
        later = "later" if fit.offset_s > 0 else "earlier"
        return (
            f"the sound begins {abs(fit.offset_s):.1f} s {later} than the notes: cut them alike",
        )
    if fit.together < MIN_ALIGNED_PEAK:
        raise UserError(
            f"{audio.name} is other music than the MIDI, or played otherwise; expected one "
            "performance that begins in both at the same moment: name its own files, or grade "
            "each by itself"
        )
    return ()


def measure_fit(notes: NoteArray, audio: Path, duration_s: float) -> PairFit | None:
    """Return how well notes and a recording fit, or None where too little is played to say.

    The piano may be tuned up to a semitone lower or higher.
    """
    length_s = min(duration_s, LONGEST_COMPARED_S)
    notes = notes[notes["onset_s"] < length_s]
    if len(notes) < MIN_NOTES:
        return None
    rises = level_rises(read_audio_window(audio, 0.0, length_s, RATE_HZ).samples)
    if not rises.any():
        return None
    onsets = np.zeros_like(rises)
    frames = np.minimum((notes["onset_s"] / STEP_S).round().astype(int), rises.shape[1] - 1)
    np.add.at(onsets, (notes["pitch"] % 12, frames), notes["velocity"] ** 0.5)
    size = 2 * rises.shape[1]  # zero-padded, so that no end meets a beginning
    spectrum = np.fft.rfft(_centred(onsets), size).conj()
    fits, near = [], round(LARGEST_OFFSET_S / STEP_S)
    for semitones in (-1, 0, 1):
        shifted = np.fft.rfft(_centred(np.roll(rises, semitones, axis=0)), size)
        correlation = np.fft.irfft((shifted * spectrum).sum(axis=0), size)
        deviations = correlation / correlation.std()
        lag = int(correlation.argmax())
        fits.append(
            PairFit(
                together=float(max(deviations[: near + 1].max(), deviations[-near:].max())),
                best=float(deviations[lag]),
                offset_s=(lag - size if lag > size // 2 else lag) * STEP_S,
            )
        )
    return max(fits, key=lambda fit: fit.best)


def level_rises(samples: NDArray[np.float32]) -> FloatArray:
    """Return by how much each pitch class grows in level, shape (12, frames of `STEP_S`)."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, FRAME // 2), FRAME)[::HOP]
    pitch = 69 + 12 * np.log2(np.fft.rfftfreq(FRAME, 1 / RATE_HZ)[1:] / 440)
    bins = np.abs(pitch[:, None] - PITCHES) < 0.5
    window = np.hanning(FRAME).astype(np.float32)
    levels = np.concatenate(
        [
            np.abs(np.fft.rfft(frames[first : first + 1000] * window))[:, 1:] @ bins
            for first in range(0, len(frames), 1000)
        ]
    )
    decades = np.log10(np.maximum(levels, 1e-4 * levels.max() + 1e-12))
    rises = np.maximum(np.diff(decades, axis=0, prepend=decades[:1]), 0)
    return np.stack([rises[:, k == PITCHES % 12].sum(axis=1) for k in range(12)])


def _centred(rows: FloatArray) -> FloatArray:
    centred: FloatArray = rows - rows.mean(axis=1, keepdims=True)
    return centred
