"""Simple statistics of a row: of its sound, its file, and counts of its notes.

If these predict the tier, a model need not listen to the playing. Spectra are of Hann windows of
2,048 samples (85 ms at 24 kHz) that overlap by half. Every figure is finite: what is fainter than
`FAINTEST_DBFS` counts as that.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degradation.notes import Performance
from degradation.seeds import digest_int
from degradation.waveform import Waveform, level_dbfs
from models.evaluation.audits.documents import StatisticSet
from storage.audio import audio_facts, decode_audio

FAINTEST_DBFS = -120.0
"""Below any rounding to 16 bits (-98 dBFS), so that digital silence has a level too."""

WINDOW_SAMPLES = 2048
QUIET_SHARE = 0.1
SILENT_DBFS = -60.0
FRAME_S = 0.05
NO_NOISE_DB = 100.0
HIGH_HZ = 5000.0
"""Above most of a piano's power, so that what lies there all the time is noise."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """A figure's name, and what it is."""

    name: str
    meaning: str


RECORDING = (
    Statistic("level_dbfs", "RMS level"),
    Statistic("peak_dbfs", "largest sample"),
    Statistic("crest_db", "peak over RMS level; 3.01 of a sine"),
    Statistic("noise_floor_dbfs", "level that no moment falls below, bin by bin, summed"),
    Statistic("high_noise_floor_dbfs", f"level that no moment falls below, above {HIGH_HZ:g} Hz"),
    Statistic("silence_share", f"frames of 50 ms below {SILENT_DBFS:g} dBFS"),
    Statistic("centroid_hz", "mean frequency of the power"),
    Statistic("bandwidth_hz", "standard deviation of the power around the centroid"),
    Statistic("rolloff_hz", "95 % of the power lies below"),
    Statistic("low_edge_hz", "5 % of the power lies below"),
    Statistic("dc_offset", "mean sample"),
    Statistic("file_bytes", "size of the FLAC file"),
    Statistic("sample_rate_hz", "sample rate of the file"),
    Statistic("bit_depth", "bits a sample in the file"),
    Statistic("channels", "channels of the file"),
    Statistic("duration_s", "length of the file"),
)
"""Of a recording and its file: what is done to the sound shows here, and some of the playing."""

EQUALISER_BAND = re.compile(r"([\d.]+) Hz ([+-][\d.]+) dB")
SHAPES = ("low shelf", "peak", "high shelf")

DRAWN = (
    Statistic("instrument", "which instrument, numbered by name"),
    Statistic("rt60_s", "reverberation time of the room; 0 without one"),
    Statistic("noise", "colour of the noise, numbered by name"),
    Statistic("snr_db", f"SNR of the noise; {NO_NOISE_DB:g} without any"),
    Statistic("gain_db", "gain"),
    Statistic("low_hz", "where the pass band begins"),
    Statistic("high_hz", "where it ends"),
    *(
        Statistic(f"{shape.replace(' ', '_')}_{unit}", f"{what} of the {shape}")
        for shape in SHAPES
        for unit, what in (("hz", "frequency"), ("db", "gain"))
    ),
)
"""Of `recording_quality`: what was drawn for the recording, whatever the playing."""

PLAYING = (
    Statistic("note_count", "notes that are played"),
    Statistic("notes_per_s", "notes over the length of the window"),
    Statistic("mean_velocity", "mean key velocity"),
    Statistic("velocity_spread", "standard deviation of key velocity"),
    Statistic("mean_pitch", "mean MIDI pitch"),
    Statistic("pedal_movements", "movements of all pedals"),
    Statistic("midi_bytes", "size of the MIDI file"),
)
"""Of the notes as played: damage to the playing moves them rightly."""

SETS: Mapping[StatisticSet, tuple[Statistic, ...]] = {
    "recording": RECORDING,
    "dry": RECORDING,
    "drawn": DRAWN,
    "notes": PLAYING,
}
"""What each set of statistics consists of."""


def spectrogram(waveform: Waveform) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return power, (windows, bins), and the bins' frequencies in Hz.

    A window's bins sum to its mean square, full scale squared. Raises ValueError for a sound
    shorter than one window.
    """
    if len(waveform.samples) < WINDOW_SAMPLES:
        raise ValueError(
            f"the sound must have {WINDOW_SAMPLES} samples or more, got {len(waveform.samples)}"
        )
    frames = np.lib.stride_tricks.sliding_window_view(waveform.samples, WINDOW_SAMPLES)
    hann = np.hanning(WINDOW_SAMPLES + 1)[:-1]
    power = np.abs(np.fft.rfft(frames[:: WINDOW_SAMPLES // 2] * hann)) ** 2
    power[:, 1:-1] *= 2  # a real signal has each of these at its negative frequency too
    power /= WINDOW_SAMPLES * np.sum(hann**2)
    bins = np.arange(power.shape[1], dtype=np.float64)
    return power, bins * waveform.sample_rate_hz / WINDOW_SAMPLES


def sound_statistics(waveform: Waveform) -> dict[str, float]:
    """Return the statistics of `RECORDING` that a waveform has, in its order.

    The noise floor is by minimum statistics (Martin 2001): in each bin, the power below which a
    tenth of the windows lie. Power of Gaussian noise is exponential, whose lowest tenth ends at
    −ln(0.9) of its mean; divided by that, white noise has its own level.
    """
    samples = waveform.samples.astype(np.float64)
    power, frequency_hz = spectrogram(waveform)
    floor = np.quantile(power, QUIET_SHARE, axis=0) / -np.log(1 - QUIET_SHARE)
    average = power.mean(axis=0)
    average[0] = 0.0  # an offset is no tone
    share = average / max(average.sum(), np.finfo(np.float64).tiny)
    centroid_hz = float(share @ frequency_hz)
    level, peak = _clamped(level_dbfs(samples)), _decibels(np.abs(samples).max() ** 2)
    length = max(round(FRAME_S * waveform.sample_rate_hz), 1)
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    frame_dbfs = np.array([_decibels(float(frame)) for frame in np.mean(frames**2, axis=1)])
    return {
        "level_dbfs": level,
        "peak_dbfs": peak,
        "crest_db": peak - level,
        "noise_floor_dbfs": _decibels(float(floor.sum())),
        "high_noise_floor_dbfs": _decibels(float(floor[frequency_hz > HIGH_HZ].sum())),
        "silence_share": float(np.mean(frame_dbfs < SILENT_DBFS)),
        "centroid_hz": centroid_hz,
        "bandwidth_hz": float(np.sqrt(share @ (frequency_hz - centroid_hz) ** 2)),
        "rolloff_hz": _below(share, frequency_hz, 0.95),
        "low_edge_hz": _below(share, frequency_hz, 0.05),
        "dc_offset": float(samples.mean()),
    }


def recording_statistics(audio: bytes, name: str) -> dict[str, float]:
    """Return all of `RECORDING` of an audio file's bytes; `name` is for errors."""
    return {
        **sound_statistics(decode_audio(audio, name)),
        "file_bytes": float(len(audio)),
        **audio_facts(audio, name),
    }


def drawn_statistics(drawn: dict[str, Any]) -> dict[str, float]:
    """Return all of `DRAWN` of a value of the column `recording_quality`."""
    bands = EQUALISER_BAND.findall(drawn["equaliser"])
    figures = (
        _numbered(drawn["instrument"]),
        drawn["rt60_s"] or 0.0,
        _numbered(drawn["noise"] or ""),
        NO_NOISE_DB if drawn["snr_db"] is None else drawn["snr_db"],
        *(drawn[name] for name in ("gain_db", "low_hz", "high_hz")),
        *(float(figure) for band in bands for figure in band),
    )
    return {one.name: float(figure) for one, figure in zip(DRAWN, figures, strict=True)}


def playing_statistics(performance: Performance, midi: bytes) -> dict[str, float]:
    """Return all of `PLAYING` of a performance and the bytes of its file; 0 without notes."""
    notes = performance.notes
    velocity = notes["velocity"].astype(np.float64)
    return {
        "note_count": float(len(notes)),
        "notes_per_s": len(notes) / performance.duration_s,
        "mean_velocity": float(velocity.mean()) if len(notes) else 0.0,
        "velocity_spread": float(velocity.std()) if len(notes) else 0.0,
        "mean_pitch": float(notes["pitch"].mean()) if len(notes) else 0.0,
        "pedal_movements": float(len(performance.pedal)),
        "midi_bytes": float(len(midi)),
    }


def _numbered(name: str) -> float:
    """Return a number for a name, always the same."""
    return float(digest_int(name) % 2**16)


def _decibels(mean_square: float) -> float:
    return _clamped(10 * float(np.log10(mean_square)) if mean_square > 0 else -np.inf)


def _clamped(decibels: float) -> float:
    return max(decibels, FAINTEST_DBFS)


def _below(share: NDArray[np.float64], frequency_hz: NDArray[np.float64], wanted: float) -> float:
    """Return the frequency below which this share of the power lies; 0 for silence."""
    reached = np.cumsum(share) >= wanted
    return float(frequency_hz[np.argmax(reached)]) if reached.any() else 0.0
