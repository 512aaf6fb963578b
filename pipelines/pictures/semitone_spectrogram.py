"""Power over time in bands of a semitone, so that a spectrogram reads like a piano roll.

Not `librosa.cqt`: its windows last 0.6 s at A0, which would smear the attacks that the picture
is there to compare; these last 90 ms at every pitch.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import spectrogram

from degradation.waveform import Waveform

LOWEST_HZ = 27.5
WINDOW_S = 0.09
FRAMES = 240


def semitone_edges_hz(highest_hz: float) -> NDArray[np.float64]:
    """Return band edges in Hz, half a semitone each side of A0 and of each key above it.

    The last band ends below `highest_hz`.
    """
    semitones = int(12 * np.log2(highest_hz / LOWEST_HZ) + 0.5)
    return LOWEST_HZ * 2 ** ((np.arange(semitones + 1) - 0.5) / 12)


def semitone_power(waveform: Waveform, edges_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the power between successive edges, full scale squared, about (n, `FRAMES`).

    Hann windows of about 90 ms (a power of two samples), centred on their frames. Interpolating
    the running sum over frequency at the edges also fills semitones narrower than one FFT bin.
    """
    window = 2 ** round(np.log2(WINDOW_S * waveform.sample_rate_hz))
    hop = min(max(1, len(waveform.samples) // FRAMES), window)
    bins_hz, _, density = spectrogram(
        np.pad(waveform.samples.astype(np.float64), window // 2),
        waveform.sample_rate_hz,
        window="hann",
        nperseg=window,
        noverlap=window - hop,
        detrend=False,
    )
    width_hz = bins_hz[1] - bins_hz[0]
    running = np.cumsum(density * width_hz, axis=0)
    upper_hz = bins_hz + width_hz / 2
    return np.diff([np.interp(edges_hz, upper_hz, frame) for frame in running.T], axis=1).T
