"""The damage that a tier's operations should measure, where it can be predicted.

Recipes may combine any operations: how far a drifting tempo moves notes, or how many slips are
wrong notes, depends on the music.
"""

from degradation.degrade import NOISES
from degradation.difficulty import DifficultySag
from degradation.halting import CorrectedNotes, GoingBack, Halting, SlowPace
from degradation.hands import HandLag
from degradation.phrasing import FlattenedPhrasing
from degradation.tiered import TierDamage
from degradation.timing import ChordJitter, Hesitation, OnsetJitter, TempoDrift, UnevenRuns
from degradation.wrong_notes import Slips, WrongNotes

MOVES_ONSETS = (
    OnsetJitter,
    ChordJitter,
    TempoDrift,
    Hesitation,
    FlattenedPhrasing,
    DifficultySag,
    UnevenRuns,
    HandLag,
    SlowPace,
    Halting,
    GoingBack,
    CorrectedNotes,
)
CHANGES_PITCH = (WrongNotes, Slips)


def expected_jitter_ms(damage: TierDamage) -> float | None:
    """Return the root mean square of onset shifts; None where it cannot be predicted."""
    match [op for op in damage.note_operations if isinstance(op, MOVES_ONSETS)]:
        case []:
            return 0.0
        case [OnsetJitter(spread_s=spread_s)]:
            return 1000 * spread_s
    return None


def expected_wrong_share(damage: TierDamage) -> float | None:
    """Return the share of notes with another pitch; None where it cannot be predicted."""
    match [op for op in damage.note_operations if isinstance(op, CHANGES_PITCH)]:
        case []:
            return 0.0
        case [WrongNotes(share=share)]:
            return share
    return None


def expected_snr_db(damage: TierDamage) -> float | None:
    """Return the signal-to-noise ratio that the recipe asks for; None without noise."""
    noises = [op for op in damage.sound_operations if op.operation in NOISES]
    return noises[0].strength[0] if noises else None


def can_measure_snr(damage: TierDamage) -> bool:
    """Return whether a row's sound shows the ratio: no operation may follow the noise."""
    return all(op.operation not in NOISES for op in damage.sound_operations[:-1])
