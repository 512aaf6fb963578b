"""A finding: something measured in a performance that a teacher would point at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from labeling.scores import Dimension

Code = Literal[
    "stop",
    "played_again",
    "slower",
    "faster",
    "left_hand_louder",
    "flat_loudness",
    "banged",
    "chords_apart",
    "detached",
    "overlapping",
    "harmonies_under_pedal",
    "pedal_never_down",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found, from `at_s` to `until_s` of a take, in seconds.

    `size` says by how many times it exceeds what is worth a word, at least 1, so that findings of
    all kinds can be put in order. `numbers` are those of its sentence, in the units of the function
    that found it; `dimension` is the grade that it belongs to.
    """

    code: Code
    dimension: Dimension
    at_s: float
    until_s: float
    size: float
    numbers: Mapping[str, float] = field(default_factory=dict)
