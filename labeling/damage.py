"""How the damaged playing differs from the clean one, measured; no operation is believed."""

from dataclasses import dataclass

import numpy as np

from degradation.notes import NoteArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What the notes of a pair differ by. NaN where there is nothing to measure."""

    jitter_ms: float
    """Root mean square of the onset shifts of the notes that were kept, in ms."""
    wrong_note_share: float
    """Share of the clean notes that were kept with another pitch."""
    missed_note_share: float
    """Share of the clean notes that are gone."""
    extra_note_share: float
    """Notes that were never there, as a share of the clean notes."""
    velocity_spread_ratio: float
    """Standard deviation of the velocities, damaged over clean."""


def measure_damage(clean: NoteArray, degraded: NoteArray) -> Damage:
    """Match notes by id, then compare. Raises ValueError when `clean` has no notes."""
    if len(clean) == 0:
        raise ValueError("clean has no notes, so no share of them can be measured")
    _, in_clean, in_degraded = np.intersect1d(
        clean["note_id"], degraded["note_id"], return_indices=True
    )
    before, after = clean[in_clean], degraded[in_degraded]
    shift_s = after["onset_s"] - before["onset_s"]
    kept = len(before)
    clean_spread = float(before["velocity"].std()) if kept else 0.0
    return Damage(
        jitter_ms=1000 * float(np.sqrt(np.mean(shift_s**2))) if kept else float("nan"),
        wrong_note_share=float(np.sum(before["pitch"] != after["pitch"])) / len(clean),
        missed_note_share=1 - kept / len(clean),
        extra_note_share=(len(degraded) - kept) / len(clean),
        velocity_spread_ratio=(
            float(after["velocity"].std()) / clean_spread if clean_spread > 0 else float("nan")
        ),
    )
