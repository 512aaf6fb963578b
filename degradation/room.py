"""Rooms, simulated with pyroomacoustics."""

import functools
from typing import Annotated, Literal, Self

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field, model_validator

from degradation.linear import FrequencyGrid, LinearOperation, Response
from degradation.operation import Parameters, Span

Metres = tuple[float, float, float]
"""A size, or a position relative to a lower corner: length, width, height."""

SMALLEST_M = 0.1
"""In smaller rooms, rounding to centimetres could put the microphone into the piano."""

Absorption = Annotated[float, Field(ge=0.001, le=0.999)]

DECAY_DB = 30.0
"""The reverberation time is extrapolated from this much of the decay (T30, ISO 3382-1)."""


class Room(LinearOperation):
    """A shoebox room with walls of one material and one microphone.

    Its impulse response follows from the image-source method (Allen & Berkley 1979) with up to
    `reflections` reflections. It begins with the direct sound, so that no onset moves, and has
    energy 1, so that the level stays.
    """

    operation: Literal["room"] = "room"
    name: str
    size_m: Metres
    piano_m: Metres
    microphone_m: Metres
    absorption: Absorption
    reflections: int = Field(ge=0, le=60)

    @property
    def strength(self) -> tuple[float, str]:
        """Share of the energy that the walls reflect."""
        return 100 * (1 - self.absorption), "% reflected"

    def rt60_s(self, sample_rate_hz: int) -> float:
        """Return the reverberation time, measured on the impulse response."""
        return _rt60_s(self, sample_rate_hz)

    def tail_s(self, sample_rate_hz: int) -> float:
        """Return the length of the impulse response."""
        return len(impulse_response(self, sample_rate_hz)) / sample_rate_hz

    def response(self, grid: FrequencyGrid) -> Response:
        """Return the spectrum of the impulse response."""
        return _spectrum(self, grid.sample_rate_hz, grid.n_samples)


@functools.cache
def impulse_response(room: Room, sample_rate_hz: int) -> NDArray[np.float64]:
    """Return a room's impulse response from the direct sound on; computed once a process."""
    import pyroomacoustics  # takes a second, and only rooms need it

    shoebox = pyroomacoustics.ShoeBox(
        room.size_m,
        fs=sample_rate_hz,
        materials=pyroomacoustics.Material(room.absorption),
        max_order=room.reflections,
    )
    shoebox.add_source(room.piano_m)
    shoebox.add_microphone(room.microphone_m)
    shoebox.compute_rir()
    response = np.asarray(shoebox.rir[0][0], dtype=np.float64)
    # The direct sound is the strongest: its path is the shortest.
    direct = response[int(np.argmax(np.abs(response))) :]
    scaled: NDArray[np.float64] = direct / np.sqrt(np.sum(direct**2))
    return scaled


@functools.lru_cache(maxsize=32)
def _spectrum(room: Room, sample_rate_hz: int, n_samples: int) -> NDArray[np.complex64]:
    spectrum = scipy.fft.rfft(impulse_response(room, sample_rate_hz), n_samples)
    return np.asarray(spectrum, dtype=np.complex64)


@functools.cache
def _rt60_s(room: Room, sample_rate_hz: int) -> float:
    from pyroomacoustics.experimental import measure_rt60

    response = impulse_response(room, sample_rate_hz)
    return float(measure_rt60(response, fs=sample_rate_hz, decay_db=DECAY_DB))


class RoomRange(Parameters):
    """The distribution of rooms: `count` of them are drawn once for a recipe.

    Sizes lie between `smallest_m` and `largest_m`, absorptions in `absorption`.
    """

    count: int = Field(ge=1, le=64)
    smallest_m: Metres
    largest_m: Metres
    absorption: Span[Absorption]
    reflections: int = Field(ge=0, le=60)

    @model_validator(mode="after")
    def _rooms_have_a_size(self) -> Self:
        if not all(
            SMALLEST_M <= low <= high
            for low, high in zip(self.smallest_m, self.largest_m, strict=True)
        ):
            raise ValueError(
                f"largest_m should be at least smallest_m, and that {SMALLEST_M:g}, got "
                f"{self.largest_m} and {self.smallest_m}"
            )
        return self

    def draw(self, number: int, rng: np.random.Generator) -> Room:
        """Return the `number`-th room.

        The piano stands towards one corner and the microphone towards the opposite one; both are
        away from the walls and from the middle, where echoes would coincide.
        """
        size_m = rng.uniform(self.smallest_m, self.largest_m)
        return Room(
            name=f"room-{number:02d}",
            size_m=_metres(size_m),
            piano_m=_metres(size_m * rng.uniform(0.2, 0.45, 3)),
            microphone_m=_metres(size_m * rng.uniform(0.55, 0.8, 3)),
            absorption=round(float(rng.uniform(*self.absorption)), 3),
            reflections=self.reflections,
        )


def _metres(place: NDArray[np.float64]) -> Metres:
    length, width, height = (round(float(metres), 2) for metres in place)
    return length, width, height
