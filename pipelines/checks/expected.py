"""What a tier's operations must come to in its rows, where that can be said at all.

Recipes of one's own may combine any operations: how far a drifting tempo carries the notes, or
how many slips are wrong notes, follows from the music.
"""

from degradation.degrade import NOISES
from degradation.hesitation import Hesitation
from degradation.phrasing import FlattenedPhrasing
from degradation.pitch import WrongNotes
from degradation.slips import Slips
from degradation.tempo import TempoDrift
from degradation.tiered import TierDamage
from degradation.timing import ChordJitter, OnsetJitter

MOVES_ONSETS = (OnsetJitter, ChordJitter, TempoDrift, Hesitation, FlattenedPhrasing)
CHANGES_PITCH = (WrongNotes, Slips)


def expected_jitter_ms(damage: TierDamage) -> float | None:
    """Return by how much onsets stray, root mean square, None where it cannot be said."""
    match [op for op in damage.note_operations if isinstance(op, MOVES_ONSETS)]:
        case []:
            return 0.0
        case [OnsetJitter(spread_s=spread_s)]:
            return 1000 * spread_s
    return None


def expected_wrong_share(damage: TierDamage) -> float | None:
    """Return the share of notes with another pitch, None where it cannot be said."""
    match [op for op in damage.note_operations if isinstance(op, CHANGES_PITCH)]:
        case []:
            return 0.0
        case [WrongNotes(share=share)]:
            return share
    return None


def expected_snr_db(damage: TierDamage) -> float | None:
    """Return the signal-to-noise ratio that is asked for, None without noise."""
    noises = [op for op in damage.sound_operations if op.operation in NOISES]
    return noises[0].strength[0] if noises else None


def can_measure_snr(damage: TierDamage) -> bool:
    """Return whether a row's sound shows the ratio: nothing may come after the noise."""
    return all(op.operation not in NOISES for op in damage.sound_operations[:-1])
