"""Nuisance parameters: how a performance is recorded, independently of how well it was played.

They change only the sound. Each is drawn from its own random stream, from the same distribution
for every severity.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from degradation.errors import UserError
from degradation.operation import Hertz, Parameters, SoundOperation, Span
from degradation.render import Instrument
from degradation.room import Room, RoomRange
from degradation.seeds import stream
from degradation.sound_effects import (
    BandGain,
    Bandpass,
    Colour,
    ColouredNoise,
    Equaliser,
    EqualiserBand,
    Gain,
    GainDb,
    Quality,
    SnrDb,
)

RandomStream = Callable[[str], np.random.Generator]
Share = Field(ge=0, le=1)


def draw_uniform(span: Span[float], rng: np.random.Generator) -> float:
    """Return a number of the span, uniform."""
    return float(rng.uniform(*span))


def draw_log_uniform(span: Span[float], rng: np.random.Generator) -> float:
    """Return a number of a span above 0, uniform in its logarithm."""
    return float(np.exp(rng.uniform(*np.log(span))))


class EqualiserRange(Parameters):
    """A low shelf, a peak and a high shelf, each at a random frequency and gain."""

    low_shelf_hz: Span[Hertz]
    peak_hz: Span[Hertz]
    high_shelf_hz: Span[Hertz]
    gain_db: Span[BandGain]
    shelf_q: float = Field(ge=0.001, le=1)
    peak_q: Span[Quality]

    def draw(self, rng: np.random.Generator) -> Equaliser:
        """Return an equaliser with log-uniform frequencies and uniform gains."""
        return Equaliser(
            bands=(
                self._band("low_shelf", self.low_shelf_hz, self.shelf_q, rng),
                self._band("peak", self.peak_hz, draw_log_uniform(self.peak_q, rng), rng),
                self._band("high_shelf", self.high_shelf_hz, self.shelf_q, rng),
            )
        )

    def _band(
        self, shape: str, span_hz: Span[float], q: float, rng: np.random.Generator
    ) -> EqualiserBand:
        return EqualiserBand.model_validate(
            {
                "shape": shape,
                "frequency_hz": round(draw_log_uniform(span_hz, rng), 1),
                "gain_db": round(draw_uniform(self.gain_db, rng), 2),
                "q": round(q, 3),
            }
        )


class BandRange(Parameters):
    """The corners of the recording's passband."""

    low_hz: Span[Hertz]
    high_hz: Span[Hertz]
    order: int = Field(ge=1, le=8)

    @model_validator(mode="after")
    def _begins_below_its_end(self) -> Self:
        self.at(self.low_hz[1], self.high_hz[0])
        return self

    def at(self, low_hz: float, high_hz: float) -> Bandpass:
        """Return the band between two corners. Raises ValidationError when they overlap."""
        return Bandpass(low_hz=round(low_hz, 1), high_hz=round(high_hz, 1), order=self.order)


class NoiseRange(Parameters):
    """Noise of one of `colours`, in a `share` of the recordings."""

    share: float = Share
    colours: tuple[Colour, ...] = Field(min_length=1)
    snr_db: Span[SnrDb]


class Nuisance(Parameters):
    """The distributions that every recording is drawn from.

    Instruments whose soundfont is not installed are left out. A `room_share` of the recordings is
    made in one of `rooms`, the rest without reverberation.
    """

    instruments: tuple[Instrument, ...] = Field(min_length=1)
    room_share: float = Share
    rooms: RoomRange
    equaliser: EqualiserRange
    band: BandRange
    gain_db: Span[GainDb]
    noise: NoiseRange

    @model_validator(mode="after")
    def _instruments_share_a_rate(self) -> Self:
        rates = {instrument.sample_rate_hz for instrument in self.instruments}
        if len(rates) > 1:
            raise ValueError(f"instruments should share one sample_rate_hz, got {sorted(rates)}")
        ends_hz = {
            "band.high_hz": self.band.high_hz[1],
            "equaliser.low_shelf_hz": self.equaliser.low_shelf_hz[1],
            "equaliser.peak_hz": self.equaliser.peak_hz[1],
            "equaliser.high_shelf_hz": self.equaliser.high_shelf_hz[1],
        }
        for key, end_hz in ends_hz.items():
            if round(end_hz, 1) >= max(rates) / 2:
                raise ValueError(
                    f"{key} should end below half of sample_rate_hz, {max(rates) / 2:g}, got "
                    f"{end_hz:g}"
                )
        return self

    def installed_instruments(self) -> tuple[Instrument, ...]:
        """Return the instruments whose soundfonts are installed. Raises UserError for none."""
        here = tuple(i for i in self.instruments if i.find_soundfont() is not None)
        if not here:
            names = ", ".join(instrument.soundfont for instrument in self.instruments)
            raise UserError(
                f"no soundfont of nuisance.instruments was found; expected one of {names}: "
                "`make system` installs them on Debian"
            )
        return here


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """How one row is recorded: the instrument, and the operations on its sound."""

    instrument: Instrument
    room: Room | None
    equaliser: Equaliser
    band: Bandpass
    gain: Gain
    noise: ColouredNoise | None

    @property
    def operations(self) -> tuple[SoundOperation, ...]:
        """The operations in order; noise is last, so that its SNR is that of the final sound."""
        chain = (self.room, self.equaliser, self.band, self.gain, self.noise)
        return tuple(operation for operation in chain if operation is not None)


def draw_recording(nuisance: Nuisance, seed: int, name: str, own: RandomStream) -> Recording:
    """Return how a row is recorded.

    `own` returns a named random generator for this row: each part has its own, so that changing
    one leaves the others as they were. Rooms are generated from `seed` and `name`.
    """
    in_room, noise_rng, band_rng = own("room"), own("noise of the recording"), own("band")
    here = nuisance.installed_instruments()
    room = None
    if in_room.random() < nuisance.room_share:
        room = make_rooms(nuisance.rooms, seed, name)[int(in_room.integers(nuisance.rooms.count))]
    noise = None
    if noise_rng.random() < nuisance.noise.share:
        colour = nuisance.noise.colours[int(noise_rng.integers(len(nuisance.noise.colours)))]
        snr_db = round(draw_uniform(nuisance.noise.snr_db, noise_rng), 2)
        noise = ColouredNoise(colour=colour, snr_db=snr_db)
    return Recording(
        instrument=here[int(own("instrument").integers(len(here)))],
        room=room,
        equaliser=nuisance.equaliser.draw(own("equaliser")),
        band=nuisance.band.at(
            draw_log_uniform(nuisance.band.low_hz, band_rng),
            draw_log_uniform(nuisance.band.high_hz, band_rng),
        ),
        gain=Gain(gain_db=round(draw_uniform(nuisance.gain_db, own("gain")), 2)),
        noise=noise,
    )


@functools.cache
def make_rooms(rooms: RoomRange, seed: int, name: str) -> tuple[Room, ...]:
    """Return the rooms of the recipe `name`: the same in every process."""
    return tuple(
        rooms.draw(number, stream(seed, name, "rooms", str(number)))
        for number in range(rooms.count)
    )
