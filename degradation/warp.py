"""Time bent as a whole: notes, their lengths and the pedal follow one map of the window."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from degradation.edits import Edits, alter, carry_pedal
from degradation.notes import Performance

FloatArray = NDArray[np.float64]
TimeMap = Callable[[FloatArray], FloatArray]
"""From seconds of the window to seconds of the same window; it never runs backwards."""

GRID_S = 0.005


def stretched(log_stretch: TimeMap, duration_s: float) -> TimeMap:
    """Return the map on which time at t passes exp(`log_stretch`(t)) times as slowly.

    The window is then brought back to its length, which changes the tempo's mean and not its
    course.
    """
    grid_s = np.linspace(0.0, duration_s, 2 + int(duration_s / GRID_S))
    stretch = np.exp(log_stretch(grid_s))
    passed = np.concatenate([[0.0], np.cumsum((stretch[1:] + stretch[:-1]) / 2)])
    moved_s = passed * (duration_s / passed[-1])
    return lambda time_s: np.asarray(np.interp(time_s, grid_s, moved_s))


def bend(performance: Performance, time_map: TimeMap, **shifts: NDArray[np.number]) -> Edits:
    """Return the edits that carry every onset, release and pedal movement along a map.

    `shifts` are what else becomes of the notes, as in `alter`.
    """
    notes = performance.notes
    onset_shift_s = time_map(notes["onset_s"]) - notes["onset_s"]
    offset_shift_s = time_map(notes["offset_s"]) - notes["offset_s"]
    shifts |= {"onset_shift_s": onset_shift_s, "offset_shift_s": offset_shift_s}
    return Edits(
        notes=alter(notes["note_id"], **shifts),
        pedal=carry_pedal(performance, onset_shift_s),
    )
