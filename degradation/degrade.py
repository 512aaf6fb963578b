"""Applies a draw's operations to a clean segment and its sound, and replays stored edits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from degradation.edits import Edits, apply_unchecked
from degradation.linear import LinearOperation, filter_sound
from degradation.notes import Performance
from degradation.operation import NoteOperation, SoundOperation
from degradation.waveform import Waveform, snr_db

CEILING = 0.999
"""The largest peak that FLAC's integers hold; louder sound is attenuated by a stored gain."""

NOISES = ("noise", "coloured_noise")
"""The operations that add noise; a recipe uses at most one of them."""

RandomStream = Callable[[str], np.random.Generator]
"""From an operation's name to its random generator."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DamagedNotes:
    """The damaged playing, and each operation's edits by name, in order."""

    performance: Performance
    edits: dict[str, Edits]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DamagedSound:
    """The damaged recording, its measured SNR (None without noise), and its gain if it clipped."""

    waveform: Waveform
    realised_snr_db: float | None
    gain_db: float


def damage_notes(
    clean: Performance, operations: Sequence[NoteOperation], stream: RandomStream
) -> DamagedNotes:
    """Return the notes after all operations; each draws from the stream of its name."""
    performance, edits = clean, {}
    for operation in operations:
        drawn = operation.draw(performance, stream(operation.operation))
        edits[operation.operation] = drawn
        performance = apply_unchecked(performance, drawn)
    return DamagedNotes(performance=performance.checked(), edits=edits)


def replay_notes(clean: Performance, edits: Sequence[Edits]) -> Performance:
    """Return the notes after stored edits; nothing is drawn."""
    for stored in edits:
        clean = apply_unchecked(clean, stored)
    return clean.checked()


def damage_sound(
    waveform: Waveform, operations: Sequence[SoundOperation], stream: RandomStream
) -> DamagedSound:
    """Return the sound after all operations, attenuated where it would clip.

    Neighbouring linear operations are one product of spectra.
    """
    realised_snr_db = None
    waiting: list[LinearOperation] = []
    for operation in operations:
        if isinstance(operation, LinearOperation):
            waiting.append(operation)
            continue
        before, waiting = filter_sound(waveform, waiting), []
        waveform = operation.transform(before, stream(operation.operation))
        if operation.operation in NOISES:
            ratio_db = snr_db(before.samples, waveform.samples)
            realised_snr_db = ratio_db if np.isfinite(ratio_db) else None
    waveform = filter_sound(waveform, waiting)
    peak, gain_db = float(np.abs(waveform.samples).max(initial=0.0)), 0.0
    if peak > CEILING:
        gain_db = 20 * float(np.log10(CEILING / peak))
        waveform = waveform.with_samples(waveform.samples * np.float32(10 ** (gain_db / 20)))
    return DamagedSound(waveform=waveform, realised_snr_db=realised_snr_db, gain_db=gain_db)
