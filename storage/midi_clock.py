"""Converts the ticks of a MIDI file to seconds, by its tempi or by SMPTE time code."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

DEFAULT_TEMPO_US = 500_000
"""Microseconds a quarter note until a file says otherwise: 120 beats a minute."""

FRAMES_A_SECOND = {24: Fraction(24), 25: Fraction(25), 29: Fraction(30_000, 1001), 30: Fraction(30)}
"""Frames of SMPTE time code, by the number in a file's header."""


class BrokenMidiError(Exception):
    """What is wrong with a MIDI file's bytes, and where."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clock:
    """Ticks to seconds: from `tick[i]`, which is at `second[i]`, each lasts `tick_s[i]`."""

    tick: NDArray[np.int64]
    second: NDArray[np.float64]
    tick_s: NDArray[np.float64]

    def seconds(self, tick: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the time of each tick in seconds."""
        at = np.searchsorted(self.tick, tick, side="right") - 1
        found: NDArray[np.float64] = self.second[at] + (tick - self.tick[at]) * self.tick_s[at]
        return found


def read_clock(division: int, tempos: list[tuple[int, int]]) -> Clock:
    """Return a file's clock from its header's division and its tempi: tick and microseconds.

    Tempi of all tracks count; the last one of a tick wins. Raises BrokenMidiError.
    """
    if division & 0x8000:  # SMPTE: frames a second, negative, and ticks a frame
        frames = 0x100 - (division >> 8)
        if frames not in FRAMES_A_SECOND or not division & 0xFF:
            raise BrokenMidiError(f"its header's time code is impossible: {division:#06x}")
        tick_s = 1 / (FRAMES_A_SECOND[frames] * (division & 0xFF))
        changes = {0: tick_s}
    elif division:
        per_tick = Fraction(1, 1_000_000 * division)
        tempos.sort(key=lambda tempo: tempo[0])
        changes = {0: DEFAULT_TEMPO_US * per_tick}
        changes |= {tick: tempo_us * per_tick for tick, tempo_us in tempos}
    else:
        raise BrokenMidiError("its header says 0 ticks a quarter note")
    second, now, before = [], Fraction(0), (0, Fraction(0))
    for tick, tick_s in changes.items():
        now += (tick - before[0]) * before[1]
        second.append(float(now))
        before = (tick, tick_s)
    return Clock(
        tick=np.array(list(changes), dtype=np.int64),
        second=np.array(second),
        tick_s=np.array([float(tick_s) for tick_s in changes.values()]),
    )
