"""One clean segment and one draw in; damaged notes and what they sound like out; and replay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from degradation.edits import Edits, apply_edits
from degradation.notes import Performance
from degradation.operation import NoteOperation, SoundOperation
from degradation.waveform import Waveform, snr_db

CEILING = 0.999
"""The peak that fits FLAC's integers; a louder sound is turned down, and the row says how far."""

NOISES = ("noise", "coloured_noise")
"""The operations that add noise; a recipe uses one of them."""

RandomStream = Callable[[str], np.random.Generator]
"""From an operation's name to the generator that is its own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DamagedNotes:
    """The damaged playing, and each operation's edits by its name, in order."""

    performance: Performance
    edits: dict[str, Edits]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DamagedSound:
    """The damaged recording; its SNR as measured (None without noise), and any turning down."""

    waveform: Waveform
    realised_snr_db: float | None
    gain_db: float


def damage_notes(
    clean: Performance, operations: Sequence[NoteOperation], stream: RandomStream
) -> DamagedNotes:
    """Return the notes after every operation; each draws from the stream of its own name."""
    performance, edits = clean, {}
    for operation in operations:
        drawn = operation.draw(performance, stream(operation.operation))
        edits[operation.operation] = drawn
        performance = apply_edits(performance, drawn)
    return DamagedNotes(performance=performance, edits=edits)


def replay_notes(clean: Performance, edits: Sequence[Edits]) -> Performance:
    """Return the notes that stored edits lead to; nothing is drawn."""
    for stored in edits:
        clean = apply_edits(clean, stored)
    return clean


def damage_sound(
    waveform: Waveform, operations: Sequence[SoundOperation], stream: RandomStream
) -> DamagedSound:
    """Return the sound after every operation, turned down where it would clip."""
    realised_snr_db = None
    for operation in operations:
        before = waveform
        waveform = operation.transform(before, stream(operation.operation))
        if operation.operation in NOISES:
            ratio_db = snr_db(before.samples, waveform.samples)
            realised_snr_db = ratio_db if np.isfinite(ratio_db) else None
    peak = float(np.abs(waveform.samples).max(initial=0.0))
    if peak <= CEILING:
        return DamagedSound(waveform=waveform, realised_snr_db=realised_snr_db, gain_db=0.0)
    gain_db = 20 * float(np.log10(CEILING / peak))
    quieter = Waveform(
        samples=waveform.samples * np.float32(10 ** (gain_db / 20)),
        sample_rate_hz=waveform.sample_rate_hz,
    )
    return DamagedSound(waveform=quieter, realised_snr_db=realised_snr_db, gain_db=gain_db)
