"""What the tone is like: how bright for its register, and how sharp its attacks."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from degradation.notes import Performance
from degradation.waveform import Waveform, level_dbfs, power_frames
from labeling.functions.reading import Abstention, LabelingFunction, ScoreCurve

SILENT_DBFS = -80.0
MIN_NOTES = 8
MIN_ATTACKS = 8
NO_AUDIO = Abstention("there is no audio")
SILENT = Abstention(f"the audio is silent (below {SILENT_DBFS:g} dBFS)")
FEW_NOTES = Abstention(f"fewer than {MIN_NOTES} notes")
FEW_ATTACKS = Abstention(f"fewer than {MIN_ATTACKS} attacks can be heard")

TONE_WINDOW, TONE_HOP = 2048, 1024
TONE_LOW_HZ = 50.0
FLOOR_FROM, FLOOR_TO = 0.75, 0.92
"""Band in which the noise floor is measured, in halves of the sample rate (9-11 kHz at 24 kHz):
a piano has almost no power there, and decoders and resamplers cut off what is above."""

TONE_EXPONENT = 0.75
"""Exponent of power: with power alone only the lowest partials would count; with amplitude, noise
35 dB below the music outweighs the upper partials."""

BRIGHTNESS_SLOPE, BRIGHTNESS_AT_A4 = 0.372, 9.44
"""Octaves of centroid an octave of register, and log2 of its Hz where the notes' mean is A4.

Midway between two pianos: 322 MAESTRO windows through the TimGM6mb soundfont (slope .372, 0.28
octaves brighter) and 71 MAPS windows of a recorded Disklavier (slope .381, 0.27 darker)."""

ATTACK_WINDOW, ATTACK_HOP, ATTACK_BANDS = 512, 128, 24
ATTACK_LOW_HZ, ATTACK_HIGH_HZ = 100.0, 8000.0
ATTACK_RANGE_DB = 50.0
ATTACK_RISE_DB = 0.8
ATTACK_NEAR, ATTACK_FAR, ATTACK_WAIT = 5, 15, 6
"""In frames to either side: where an attack is the largest, where the mean is taken; and the least
number between two attacks."""


def brightness_deviation(performance: Performance, waveform: Waveform | None) -> float | Abstention:
    """Return the distance of the spectral centroid from that expected of the notes, in octaves.

    The centroid is of the whole window, its noise floor subtracted; high notes are expected to be
    brighter. Dull and harsh sound both count.
    """
    if waveform is None:
        return NO_AUDIO
    if level_dbfs(waveform.samples) < SILENT_DBFS:
        return SILENT
    notes = performance.notes
    if len(notes) < MIN_NOTES:
        return FEW_NOTES
    hz = np.fft.rfftfreq(TONE_WINDOW, 1 / waveform.sample_rate_hz)
    power = power_frames(waveform, TONE_WINDOW, TONE_HOP).mean(axis=1, dtype=np.float64)
    floor_from_hz, floor_to_hz = (part * hz[-1] for part in (FLOOR_FROM, FLOOR_TO))
    floor = power[(hz > floor_from_hz) & (hz < floor_to_hz)].mean()
    tone = np.maximum(power - floor, 0.0) ** TONE_EXPONENT
    tone[(hz < TONE_LOW_HZ) | (hz > floor_to_hz)] = 0.0
    if not tone.any():
        return SILENT
    centroid_hz = float((hz * (tone / tone.sum())).sum())
    above_a4 = (notes["pitch"].astype(np.float64) - 69) / 12
    register = np.average(above_a4, weights=notes["velocity"].astype(np.float64) ** 2)
    expected = BRIGHTNESS_AT_A4 + BRIGHTNESS_SLOPE * register
    return float(abs(np.log2(centroid_hz) - expected))


def attack_rise(performance: Performance, waveform: Waveform | None) -> float | Abstention:
    """Return the mean rise of the sound in an attack, in dB; large is sharp.

    Onset strength is the mean rise over bands, in dB, over two frames; its peaks are weighted by
    their height, so that those hidden by noise hardly matter. Spread chords, tones ringing under
    the pedal, a noisy recording and soft touch lower it. Within-score Spearman with PercePiano's
    articulation soft-hard, on clips rendered with TimGM6mb: +.07 on the two works that it was
    chosen on, +.27 on the one held out; the time over which the sound rises reaches -.14 in all.
    """
    if waveform is None:
        return NO_AUDIO
    if level_dbfs(waveform.samples) < SILENT_DBFS:
        return SILENT
    bands = band_filters(waveform.sample_rate_hz) @ power_frames(
        waveform, ATTACK_WINDOW, ATTACK_HOP
    )
    level_db = 10 * np.log10(bands / bands.max() + 10 ** (-ATTACK_RANGE_DB / 10))
    strength = np.maximum(level_db[:, 2:] - level_db[:, :-2], 0.0).mean(axis=0)
    attack = attack_frames(strength)
    if len(attack) < MIN_ATTACKS:
        return FEW_ATTACKS
    risen = strength[attack].astype(np.float64)
    return float((risen**2).sum() / risen.sum())


def attack_frames(strength: NDArray[np.floating]) -> list[int]:
    """Return the frames whose strength is the largest near by and rises above the mean further off.

    The frames just after an attack hold no other (Boeck, Krebs and Schedl 2012, section 2.1).
    """
    padded = np.pad(strength, (ATTACK_NEAR, ATTACK_NEAR - 1), constant_values=-np.inf)
    largest = sliding_window_view(padded, 2 * ATTACK_NEAR).max(axis=1)
    attacks: list[int] = []
    for frame in np.flatnonzero(strength == largest).tolist():
        around = strength[max(0, frame - ATTACK_FAR) : frame + ATTACK_FAR]
        apart = not attacks or frame > attacks[-1] + ATTACK_WAIT
        if apart and strength[frame] >= around.mean() + ATTACK_RISE_DB:
            attacks.append(frame)
    return attacks


def band_filters(sample_rate_hz: int) -> NDArray[np.float32]:
    """Return third-octave-like bands as 0/1 filters, of shape (bands, bins); none is empty."""
    hz = np.fft.rfftfreq(ATTACK_WINDOW, 1 / sample_rate_hz)
    edges_hz = np.geomspace(ATTACK_LOW_HZ, ATTACK_HIGH_HZ, ATTACK_BANDS + 1)
    inside = (hz >= edges_hz[:-1, None]) & (hz < edges_hz[1:, None])
    filters: NDArray[np.float32] = inside[inside.any(axis=1)].astype(np.float32)
    return filters


# Both pianos lie a median 0.27 from the middle; a twentieth of MAESTRO windows are beyond 0.39
# and of MAPS recordings beyond 0.49, and `weak` lies between.
AUDIO_SPECTRAL_CENTROID = LabelingFunction(
    name="AudioSpectralCentroid",
    unit="octaves (from the brightness that the notes imply)",
    dimension="tone_quality",
    measure=brightness_deviation,
    curve=ScoreCurve(typical=0.27, weak=0.45),
)

AUDIO_ATTACK_TRANSIENTS = LabelingFunction(
    name="AudioAttackTransients",
    unit="dB (rise of an attack)",
    dimension="articulation_clarity",
    measure=attack_rise,
    curve=ScoreCurve(typical=5.7, weak=3.7),
)
