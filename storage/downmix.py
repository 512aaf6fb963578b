"""Chooses how the channels of a recording are mixed to mono, from statistics of the whole."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from degradation.errors import UserError

MAX_CHANNELS = 8

DEAD_DB = -30.0
"""A channel this far below the loudest carries hum or crosstalk, no piano."""

CANCELLING = -0.7
"""Correlation of left and right from which their mean loses most of the sound (8 dB at -.7)."""

OVERSHOOT = 1.001
"""Peak from which a file without loss is beyond full scale; rounding stays below."""

CODEC_OVERSHOOT = 1.5
"""Highest peak that a lossy codec makes of a signal at full scale."""

MIX_PEAK = 16.0
"""A mix is at most 24 dB too loud; samples beyond are integers written as floats."""

CLICK = 5000.0
"""Peak-to-RMS ratio above which a peak is treated as a click."""

LARGEST_OFFSET = 0.02
"""Mean of a channel beyond which it is an offset of the converter; full scale is 1."""

_MINUS_3_DB, _LFE = float(np.sqrt(0.5)), 0.0
_LAYOUTS = {
    3: (1.0, 1.0, _MINUS_3_DB),
    4: (1.0, 1.0, _MINUS_3_DB, _MINUS_3_DB),
    5: (1.0, 1.0, _MINUS_3_DB, _MINUS_3_DB, _MINUS_3_DB),
    6: (1.0, 1.0, _MINUS_3_DB * 2, _LFE, _MINUS_3_DB, _MINUS_3_DB),
    7: (1.0, 1.0, _MINUS_3_DB * 2, _LFE, _MINUS_3_DB, _MINUS_3_DB, _MINUS_3_DB),
    8: (1.0, 1.0, _MINUS_3_DB * 2, _LFE, *(_MINUS_3_DB,) * 4),
}
"""Left and right of ITU-R BS.775 added, in the order of WAV and FLAC (centre is in both)."""

_OGG_ORDER = {
    3: (0, 2, 1), 5: (0, 2, 1, 3, 4), 6: (0, 2, 1, 5, 3, 4), 7: (0, 2, 1, 6, 5, 3, 4),
    8: (0, 2, 1, 7, 5, 6, 3, 4),
}  # fmt: skip
"""Vorbis's order: the place in an OGG of each channel of the order above."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Levels:
    """Sums over a recording, in double precision: of channels (c,), of their products (c, c)."""

    frames: int = 0
    peak: float = 0.0
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    products: NDArray[np.float64] = field(default_factory=lambda: np.zeros((1, 1)))

    def with_block(self, block: NDArray[np.float32]) -> "Levels":
        """Return the sums with a block of shape (frames, c) added.

        A block with NaN or infinity adds only its length; reading that place raises an error.
        """
        peak = float(np.abs(block).max())
        if not np.isfinite(peak):
            return replace(self, frames=self.frames + len(block))
        wide = block.astype(np.float64)
        return Levels(
            frames=self.frames + len(block),
            peak=max(self.peak, peak),
            sums=self.sums + wide.sum(axis=0),
            products=self.products + wide.T @ wide,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How frames become mono: the channels' weighted sum (or plain mean), without the offset."""

    weights: tuple[float, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    left_out: tuple[str, ...] = ()

    def mono(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return frames of shape (n, c) as mono of shape (n,)."""
        if self.weights:
            mono: NDArray[np.float32] = (frames @ np.array(self.weights)).astype(np.float32)
        else:
            mono = frames.mean(axis=1, dtype=np.float32)
        if self.scale != 1:
            mono *= np.float32(self.scale)
        if self.offset:
            mono -= np.float32(self.offset)
        return mono


def check_channels(channels: int, name: str) -> None:
    """Refuse more channels than any layout has: UserError."""
    if channels > MAX_CHANNELS:
        raise UserError(
            f"{name} has {channels} channels; expected 1 to {MAX_CHANNELS}: mix it down"
        )


def choose_mix(levels: Levels, form: tuple[str, str], name: str) -> Mix:
    """Return the mix for a recording of a format and subtype. Raises UserError for no sound."""
    if not levels.frames:
        return Mix()
    means = levels.sums / levels.frames
    spread = levels.products / levels.frames - np.outer(means, means)
    scale, remarks = _scale(levels, float(np.sqrt(spread.diagonal().max())), form, name)
    weights, more = _weights(spread, form)
    remarks += more
    mean = float(means @ weights if weights else means.mean()) * scale
    offset = 0.0
    if abs(mean) > LARGEST_OFFSET and spread.any():
        offset = mean
        remarks.append(f"a constant offset of {abs(mean):.1%} of full scale was taken off")
    return Mix(weights=tuple(weights), scale=scale, offset=offset, left_out=tuple(remarks))


def _scale(levels: Levels, rms: float, form: tuple[str, str], name: str) -> tuple[float, list[str]]:
    lossless = form[1].startswith(("PCM", "FLOAT", "DOUBLE"))
    if levels.peak <= (OVERSHOOT if lossless else CODEC_OVERSHOOT):
        return 1.0, []
    if levels.peak > CLICK * rms:
        raise UserError(
            f"{name} has a sample of {_plain(levels.peak)} times full scale, far above all others; "
            "expected samples within full scale: repair the click, or export it again"
        )
    full = levels.peak
    if levels.peak > MIX_PEAK:
        full = next((2.0**bits - 1 for bits in (15, 23, 31) if levels.peak <= 2**bits), full)
    return 1 / full, [f"samples up to {_plain(levels.peak)} times full scale were brought down"]


def _plain(times: float) -> str:
    return f"{times:,.0f}" if times >= 100 else f"{times:.3g}"


def _weights(spread: NDArray[np.float64], form: tuple[str, str]) -> tuple[list[float], list[str]]:
    """Return a weight for each channel (none for the mean), and remarks for the user."""
    power = spread.diagonal()
    channels = len(power)
    if channels == 1 or not power.max():
        return [], []
    alive = power > power.max() * 10 ** (DEAD_DB / 10)
    if channels == 2:
        if not alive.all():
            dead = "left" if alive[1] else "right"
            return list(alive.astype(float)), [f"the {dead} channel is silent and was not mixed in"]
        if spread[0, 1] < CANCELLING * np.sqrt(power[0] * power[1]):
            return [0.5, -0.5], [
                "the left and right channels have opposite polarity: the right channel was inverted"
            ]
        return [], []
    weights = np.array(_LAYOUTS[channels])
    if form[0] == "OGG" and channels in _OGG_ORDER:
        placed = np.zeros(channels)
        placed[list(_OGG_ORDER[channels])] = weights
        weights = placed
    remarks = []
    if channels >= 6 and power[weights == 0].any():
        remarks.append("the low-frequency effects channel was left out")
    weights = weights * alive
    if not weights.any():
        weights = alive.astype(float)
    weights = weights / weights.sum()
    together, apart = weights @ spread @ weights, (weights**2 * power).sum()
    if together < (1 + CANCELLING) * apart:
        weights = np.zeros(channels)
        weights[power.argmax()] = 1.0
        remarks.append("the channels cancel each other: the loudest alone is heard")
    return list(weights.tolist()), remarks
