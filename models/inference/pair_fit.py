"""Whether a MIDI file and a recording are the same music at the same moments.

Where notes begin, energy rises at their pitch classes. The two are correlated at every lag: of one
performance the lag of the performance stands out of all others, which are what chance gives.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.notes import NoteArray
from storage.audio import read_audio_window

RATE_HZ = 11_025
FRAME, HOP = 2048, 441
STEP_S = HOP / RATE_HZ
"""40 ms; the frame of 186 ms parts semitones from C3 on."""

PITCHES = range(48, 103)
"""What is compared, C3 to F#7; below, semitones are narrower than the frame can tell."""

LOOKED_AT_S = 600.0
"""A longer performance is compared on its beginning: about two seconds of work."""

STRANGERS = 5.0
"""More than other music reaches: 30 strange pairs of MAPS reach 0.1 to 4.5, six true ones 11.7 to
30.5."""

ELSEWHERE = 8.0
"""What other music does not reach at any lag (6.8 at most in MAPS): both begin apart."""

TOLD_OFFSET_S = 0.2
"""Beginnings that lie further apart are told."""

LEAST_NOTES = 100
"""With fewer notes, chance may decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFit:
    """How far the agreement stands out, in standard deviations of that at all lags.

    `together` is that within `TOLD_OFFSET_S` of no lag, `best` the greatest; there the sound is
    `offset_s` later than the notes.
    """

    together: float
    best: float
    offset_s: float


def check_fit(notes: NoteArray, audio: Path, duration_s: float) -> tuple[str, ...]:
    """Return what is to be told of a pair: nothing where both begin together.

    Raises UserError where they are not one performance.
    """
    fit = measure_fit(notes, audio, duration_s)
    if fit is None:
        return ()
    if fit.best >= ELSEWHERE and abs(fit.offset_s) > TOLD_OFFSET_S:
        later = "later" if fit.offset_s > 0 else "earlier"
        return (
            f"the sound begins {abs(fit.offset_s):.1f} s {later} than the notes: cut them alike",
        )
    if fit.together < STRANGERS:
        raise UserError(
            f"{audio.name} is other music than the MIDI, or played otherwise; expected one "
            "performance that begins in both at the same moment: name its own files, or grade "
            "each by itself"
        )
    return ()


def measure_fit(notes: NoteArray, audio: Path, duration_s: float) -> PairFit | None:
    """Return how well notes and a recording fit, or None where too little is played to tell.

    A piano tuned up to a semitone lower or higher is heard, too.
    """
    length_s = min(duration_s, LOOKED_AT_S)
    struck = notes[notes["onset_s"] < length_s]
    if len(struck) < LEAST_NOTES:
        return None
    heard = _rises(read_audio_window(audio, 0.0, length_s, RATE_HZ).samples)
    if not heard.any():
        return None
    begun = np.zeros_like(heard)
    frames = np.minimum((struck["onset_s"] / STEP_S).round().astype(int), heard.shape[1] - 1)
    np.add.at(begun, (struck["pitch"] % 12, frames), struck["velocity"] ** 0.5)
    # Zeros behind, so that no end meets a beginning.
    size = 2 * heard.shape[1]
    spectrum = np.fft.rfft(_centred(begun), size).conj()
    fits, near = [], round(TOLD_OFFSET_S / STEP_S)
    for semitones in (-1, 0, 1):
        shifted = np.fft.rfft(_centred(np.roll(heard, semitones, axis=0)), size)
        agreement = np.fft.irfft((shifted * spectrum).sum(axis=0), size)
        lag = int(agreement.argmax())
        frames_later = lag - size if lag > size // 2 else lag
        deviations = agreement / agreement.std()
        fits.append(
            PairFit(
                together=float(max(deviations[: near + 1].max(), deviations[-near:].max())),
                best=float(deviations[lag]),
                offset_s=frames_later * STEP_S,
            )
        )
    return max(fits, key=lambda fit: fit.best)


def _rises(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return by how much each pitch class grows in level, shape (12, frames of `STEP_S`)."""
    padded = np.pad(samples, FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    pitch = 69 + 12 * np.log2(np.fft.rfftfreq(FRAME, 1 / RATE_HZ)[1:] / 440)
    bins = np.abs(pitch[:, None] - np.array(PITCHES)) < 0.5
    window = np.hanning(FRAME).astype(np.float32)
    levels = np.concatenate(
        [
            np.abs(np.fft.rfft(frames[at : at + 1000] * window))[:, 1:] @ bins
            for at in range(0, len(frames), 1000)
        ]
    )
    decibels = np.log10(np.maximum(levels, 1e-4 * levels.max() + 1e-12))
    rises = np.maximum(np.diff(decibels, axis=0, prepend=decibels[:1]), 0)
    return np.stack([rises[:, np.array(PITCHES) % 12 == k].sum(axis=1) for k in range(12)])


def _centred(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = rows - rows.mean(axis=1, keepdims=True)
    return centred
