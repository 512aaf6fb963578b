"""A passage to hear half a pedal in: once as it was played, once with the pedal as a switch."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from degradation.degrade import CEILING
from degradation.notes import DAMPED_TO, PEDAL_DOWN_FROM, SUSTAIN, Performance
from degradation.render import Instrument, render
from labeling.measures import pedal_depth
from pipelines.listening.page import Take
from pipelines.listening.palette import PEDAL_AS_PLAYED, PEDAL_AS_SWITCH
from storage.audio import encode_flac

LEAST_SHARE = 0.1
"""With half a pedal for less of the time, hardly a note of a passage sounds otherwise."""


def most_half_pedal(passages: Mapping[str, Performance]) -> str | None:
    """Return the passage with the largest `half_pedal_share`; None below `LEAST_SHARE`."""
    share, name = max((half_pedal_share(played), name) for name, played in passages.items())
    return name if share >= LEAST_SHARE else None


def half_pedal_share(performance: Performance) -> float:
    """Return the share of the time with the dampers touching the strings, 0 to 1."""
    lasts_s, depth = pedal_depth(performance)
    touching = (depth > DAMPED_TO) & (depth < PEDAL_DOWN_FROM)
    return float(lasts_s[touching].sum() / performance.duration_s)


def pedal_as_switch(performance: Performance) -> Performance:
    """Return the performance with the sustain pedal fully down from `PEDAL_DOWN_FROM`, else up."""
    pedal = performance.pedal.copy()
    sustain = pedal["controller"] == SUSTAIN
    pedal["value"][sustain] = 127 * (pedal["value"][sustain] >= PEDAL_DOWN_FROM)
    return replace(performance, pedal=pedal)


def pedal_pair(clean: Performance, instrument: Instrument) -> tuple[Take, Take]:
    """Return both takes on one instrument, with no damage and no room, at one level."""
    played = {PEDAL_AS_PLAYED: clean, PEDAL_AS_SWITCH: pedal_as_switch(clean)}
    sounds = {name: render(performance, instrument) for name, performance in played.items()}
    peak = max(float(np.abs(sound.samples).max(initial=0.0)) for sound in sounds.values())
    gain = np.float32(CEILING / max(peak, CEILING))
    switch = f"CC64 from {PEDAL_DOWN_FROM} on is 127, below it is 0"
    one, other = (
        Take(
            name=name,
            clean=clean,
            degraded=performance,
            flac=encode_flac(sounds[name].with_samples(sounds[name].samples * gain)),
            duration_s=clean.duration_s,
            done=(switch,) if name == PEDAL_AS_SWITCH else (),
            scores={},
        )
        for name, performance in played.items()
    )
    return one, other
