"""Measures rows again from their stored bytes, to compare with what the rows say."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from degradation.degrade import damage_sound
from degradation.notes import Performance
from degradation.render import Instrument
from degradation.seeds import stream
from degradation.waveform import Waveform, power, power_frames
from storage.audio import decode_audio
from storage.load_or_render import load_or_render
from storage.midi import read_midi
from storage.replay import replay_without_noise

ROUNDING_POWER = 2.0**-30 / 12
"""Mean square of rounding to steps of 2**-15 (Bennett 1948), full scale squared."""

MIN_NOISE_TO_ROUNDING = 20.0
"""Minimum ratio of noise power to rounding power for measuring SNR. The rounding of a faint sound
may have half as much power again, an error of 0.1 dB at this ratio."""

HOP_S = 0.005
WIDEST_LAG_S = 0.15
FLUX_WINDOW, FLUX_RANGE_DB = 512, 80.0


def measured_snr_db(row: dict[str, Any], root: Path | None) -> float | None:
    """Return the SNR of a row's stored audio against the same sound without its noise, in dB.

    None for a row without noise, or with noise that rounding hides. The sound is made again by
    replay; the noisy one is decoded. FLAC's rounding to 16 bits adds noise, too, which
    matters where the sound is faint: its power, a twelfth of a squared step, is subtracted.
    """
    if row["realised_snr_db"] is None:
        return None
    sound = replay_without_noise(row, root).samples
    # Decided by what the row says, so that noise missing from its bytes is found.
    if power(sound) / 10 ** (row["realised_snr_db"] / 10) < MIN_NOISE_TO_ROUNDING * ROUNDING_POWER:
        return None
    stored = decode_audio(row["audio"]["bytes"], row["sample_id"])
    added = power(stored.samples - sound) - ROUNDING_POWER
    return 10 * float(np.log10(power(sound) / added))


def onset_lag_s(performance: Performance, waveform: Waveform) -> float:
    """Return the delay of the audio's attacks behind the MIDI's onsets, in seconds.

    The lag within ±150 ms at which the spectral flux follows the onsets best, weighted by
    velocity (5 ms steps).
    """
    hop = round(HOP_S * waveform.sample_rate_hz)
    power_of = power_frames(waveform, FLUX_WINDOW, hop)
    level_db = 10 * np.log10(np.maximum(power_of, power_of.max() * 10 ** (-FLUX_RANGE_DB / 10)))
    flux = np.maximum(np.diff(level_db, axis=1, prepend=level_db[:, :1]), 0.0).mean(axis=0)
    struck = np.zeros(len(flux))
    frames = np.rint(performance.notes["onset_s"] / HOP_S).astype(int)
    inside = frames < len(struck)
    np.add.at(struck, frames[inside], performance.notes["velocity"][inside])
    widest = round(WIDEST_LAG_S / HOP_S)
    lags = np.arange(-widest, widest + 1)
    padded = np.pad(flux - flux.mean(), widest)
    match = [padded[widest + lag : widest + lag + len(struck)] @ struck for lag in lags]
    return float(lags[int(np.argmax(match))] * HOP_S)


def row_onset_lag_s(row: dict[str, Any]) -> float:
    """Return the lag of a row's audio behind the notes that it plays.

    A recording is of the clean notes; a rendering, of the damaged ones.
    """
    medium = "midi" if row["audio_source"] == "rendered" else "clean_midi"
    performance = read_midi(row[medium]["bytes"], row["sample_id"])
    return onset_lag_s(performance, decode_audio(row["audio"]["bytes"], row["sample_id"]))


def dry_sound(row: dict[str, Any], instrument: Instrument, root: Path | None) -> Waveform:
    """Return a row's damaged playing on one instrument, with nothing done to the sound.

    For a recorded row it is the recording, which damage to the notes does not change.
    """
    played = read_midi(row["midi"]["bytes"], row["sample_id"])
    # A MIDI file ends with its last event; the window goes on.
    performance = replace(played, duration_s=row["duration_s"])
    before = load_or_render(performance, row["audio_source"], instrument, row, root)
    return damage_sound(before, (), partial(stream, row["seed"])).waveform
