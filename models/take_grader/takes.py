"""What of a take is measured: passages of a minute, and in them what each dimension hears."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from degradation.notes import TICK_S, Performance, cut_window, snap
from labeling.measures import PLAIN
from labeling.scores import Dimension

FloatArray = NDArray[np.float64]

PASSAGE_S = 60.0
"""Stops and pace are judged over so much music; up to half as much longer stays whole."""

FEWEST_NOTES = 25
"""A passage with fewer tells next to nothing."""

FALLING: Mapping[Dimension, Mapping[str, bool]] = {
    "rhythmic_stability": {
        "tempo instability": True,
        "change of like intervals": True,
        "median interval": True,
        "longest gap": True,
        "share of stops": True,
    },
    "tone_quality": {
        "velocity roughness": True,
        "turns of loudness": True,
        "mean velocity": True,
        "lead of the top voice": False,
        "balance of the hands": False,
    },
    "dynamic_range": {
        "velocity standard deviation": False,
        "velocity span": False,
        "course of loudness": False,
    },
    "musical_expression": {
        "course of loudness": False,
        "velocity span": False,
        "turns of loudness": True,
    },
}
"""The measures that each dimension hears, and whether its score falls as they rise.

A dimension hears nothing else: severities of one player go together, so that a fit to all measures
would grade rhythm by the pedal.
"""

UNHEARD: Mapping[Dimension, str] = {
    "note_accuracy": "the sheet music is not known",
    "articulation_clarity": "the sheet music is not known",
    "pedal_technique": "the sheet music is not known",
}
"""Dimensions that are not graded, with the reason: what is wrong, detached or unpedalled on purpose
differs from a fault only by what is written."""

HEARD = tuple(dict.fromkeys(name for of in FALLING.values() for name in of))
"""The names of all measures that are needed."""


def passages(duration_s: float, longest_s: float = PASSAGE_S) -> list[tuple[float, float]]:
    """Return start and length in seconds of passages that overlap by half, to the take's end."""
    if duration_s <= 1.5 * longest_s:
        return [(0.0, duration_s)]
    count = 1 + int(np.ceil((duration_s - longest_s) / (longest_s / 2)))
    return [(float(at), longest_s) for at in np.linspace(0, duration_s - longest_s, count)]


def passage(performance: Performance, start_s: float, length_s: float) -> Performance:
    """Return a passage of a performance, without the silence after its last note."""
    cut = cut_window(performance, snap(start_s), max(snap(length_s), TICK_S))
    return without_end(cut)


def without_end(performance: Performance) -> Performance:
    """Return a performance that ends with its last note."""
    if not len(performance.notes):
        return performance
    end_s = float(performance.notes["offset_s"].max())
    pedal = performance.pedal[performance.pedal["time_s"] <= end_s]
    return Performance(notes=performance.notes, pedal=pedal, duration_s=end_s)


def hear(
    performances: Iterable[Performance], names: Sequence[str] = HEARD
) -> dict[str, FloatArray]:
    """Return measures of performances, (n,) by name of `PLAIN`; NaN where one is undefined."""
    with np.errstate(all="ignore"):
        rows = [[float(PLAIN[name](one)) for name in names] for one in performances]
    table = np.array(rows, np.float64).reshape(-1, len(names))
    return dict(zip(names, table.T, strict=True))
