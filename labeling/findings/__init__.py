"""What can be measured in a take's notes and pedal, as frozen values; sentences are made elsewhere.

Nothing here knows the sheet music: a rest or an accent that the music asks for is found, too.
"""

from collections.abc import Sequence

from degradation.notes import Performance, cut_window
from labeling.findings.finding import Finding
from labeling.findings.pedal import find_harmonies_under_pedal, find_unused_pedal
from labeling.findings.stops import find_repetitions, find_stops
from labeling.findings.tempo import find_tempo_changes
from labeling.findings.touch import (
    find_banged,
    find_chords_apart,
    find_flat_loudness,
    find_left_hand_louder,
    find_touch,
)

__all__ = ["Finding", "find_all"]

OF_THE_WHOLE = (
    find_stops,
    find_repetitions,
    find_tempo_changes,
    find_banged,
    find_harmonies_under_pedal,
    find_unused_pedal,
)
OF_PASSAGES = (find_left_hand_louder, find_flat_loudness, find_chords_apart, find_touch)


def find_all(
    performance: Performance, bounds_s: Sequence[tuple[float, float]]
) -> tuple[Finding, ...]:
    """Return the findings of a take, largest first; none where there is nothing to say.

    `bounds_s` are start and length of the passages that it is graded by, in seconds.
    """
    cut = [(start_s, cut_window(performance, start_s, length_s)) for start_s, length_s in bounds_s]
    passages = [(start_s, passage) for start_s, passage in cut if len(passage.notes)]
    found = [one for find in OF_THE_WHOLE for one in find(performance)]
    found += [one for find in OF_PASSAGES for one in find(passages)]
    return tuple(sorted(found, key=lambda one: (-one.size, one.at_s)))
