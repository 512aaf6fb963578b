"""How keys are struck and held: loudness, hands, chords, notes that stick out."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from degradation.hands import hand_balance
from degradation.melody_bass import EVENT_GAP_S, first_of_chord
from degradation.notes import NoteArray, Performance
from labeling.findings.finding import Code, Finding
from labeling.functions.articulation import next_in_voice
from labeling.scores import Dimension

Passages = Sequence[tuple[float, Performance]]
"""The passages of a take: where each begins in it, in seconds, and its notes from there."""

NOTICED_VELOCITY = 3.6
"""Listeners notice 2.7-4.5 units of velocity (Slade et al. 2022), as in `degradation.hands`."""

FLATTEST_VELOCITY = 8.0
"""Standard deviation of velocity below which playing counts as flat; 15-20 in MAESTRO."""

STICKS_OUT_VELOCITY = 7 * NOTICED_VELOCITY
AROUND_S = 3.0
MOST_BANGED = 2
FEWEST_AROUND = 5

WIDEST_CHORD_S = 0.12
APART_S = 0.03
"""Pianists strike a melody up to some 30 ms before its chord (Goebl 2001)."""

FEWEST_CHORDS = 4
STEP_SEMITONES = 2
"""Notes that lie closer are an ornament, not a chord."""

DETACHED = 0.6
OVERLAP_S = 0.15
FEWEST_NOTES = 8


def find_left_hand_louder(passages: Passages) -> list[Finding]:
    """Say so where the left hand is louder by what is noticed, in most of the take.

    `velocity` is the median over passages of the hands' difference in mean velocity; hands are
    told apart by pitch (`find_left_hand`).
    """

    def louder(notes: NoteArray) -> float | None:
        balance = hand_balance(notes)
        return None if np.isnan(balance) else -balance

    return _typical(
        passages, louder, "left_hand_louder", "musical_expression", "velocity", NOTICED_VELOCITY
    )


def find_flat_loudness(passages: Passages) -> list[Finding]:
    """Say so where loudness hardly changes over the whole take.

    `spread` is the standard deviation of velocity over all passages; 0 is one velocity throughout.
    """
    found = [part.notes["velocity"].astype(np.float64) for _, part in passages]
    velocity = np.concatenate([np.zeros(0), *found])
    if len(velocity) < FEWEST_NOTES or velocity.std() >= FLATTEST_VELOCITY:
        return []
    spread = float(velocity.std())
    return [
        Finding(
            code="flat_loudness",
            dimension="dynamic_range",
            at_s=0.0,
            until_s=_end_s(passages),
            size=FLATTEST_VELOCITY / max(spread, 1.0),
            numbers={"spread": spread, "mean": float(velocity.mean())},
        )
    ]


def find_chords_apart(passages: Passages) -> list[Finding]:
    """Say so where the notes of chords are not struck together, in most of the take.

    `apart_s` is the median over passages of the mean time from a chord's first note to its last.
    A chord is a group within 0.12 s, of notes more than a whole tone apart, with twice its own
    width of silence from strokes on either side: runs and ornaments are none.
    """
    return _typical(
        passages, mean_asynchrony_s, "chords_apart", "rhythmic_stability", "apart_s", APART_S
    )


def mean_asynchrony_s(notes: NoteArray) -> float | None:
    """Return the mean width of a passage's chords in seconds; None with fewer than four."""
    first = first_of_chord(notes["onset_s"], WIDEST_CHORD_S)
    groups = np.split(notes, first[1:]) if len(notes) else []
    begins_s = np.array([part["onset_s"][0] for part in groups])
    ends_s = np.array([part["onset_s"][-1] for part in groups])
    gap_s = np.concatenate([[np.inf], begins_s[1:] - ends_s[:-1], [np.inf]])
    widths_s = []
    for at, part in enumerate(groups):
        width_s = float(np.ptp(part["onset_s"]))
        if (
            len(part) > 1
            and np.ptp(part["pitch"].astype(int)) > STEP_SEMITONES
            and width_s <= min(WIDEST_CHORD_S, gap_s[at] / 2, gap_s[at + 1] / 2)
        ):
            widths_s.append(width_s)
    return float(np.mean(widths_s)) if len(widths_s) >= FEWEST_CHORDS else None


def find_touch(passages: Passages) -> list[Finding]:
    """Say so where keys are mostly let go early, or held far into the next note.

    `held` is the median share of the time to the next note of a voice for which a key is held,
    `overlap_s` the median time that it is held beyond that; the pedal does not count.
    """

    def shortened(notes: NoteArray) -> float | None:
        held_s, wait_s = _voices(notes)
        return float(1 - np.median(held_s / wait_s)) if len(held_s) >= FEWEST_NOTES else None

    def overlap(notes: NoteArray) -> float | None:
        held_s, wait_s = _voices(notes)
        return float(np.median(held_s - wait_s)) if len(held_s) >= FEWEST_NOTES else None

    clear: Dimension = "articulation_clarity"
    return [
        *_typical(passages, shortened, "detached", clear, "share_silent", DETACHED),
        *_typical(passages, overlap, "overlapping", clear, "overlap_s", OVERLAP_S),
    ]


def _voices(notes: NoteArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how long keys are held, and how long until the next note of their voice, in s."""
    followed, successor = next_in_voice(notes)
    wait_s = (notes["onset_s"][successor] - notes["onset_s"])[followed]
    return (notes["offset_s"] - notes["onset_s"])[followed], wait_s


def find_banged(performance: Performance) -> list[Finding]:
    """Return the chords or notes that stick out most from those within three seconds.

    `louder` is by how much their velocity exceeds the 90 % quantile around them, at least seven
    times what is noticed; `pitch` is the loudest key's MIDI number, `count` is of all of them.
    """
    notes = performance.notes
    first = first_of_chord(notes["onset_s"], EVENT_GAP_S)
    if not len(first):
        return []
    at_s = notes["onset_s"][first]
    loudest = np.maximum.reduceat(notes["velocity"], first).astype(np.float64)
    from_, past = np.searchsorted(at_s, (at_s - AROUND_S, at_s + AROUND_S))
    louder = np.zeros(len(at_s))
    for k, (low, high) in enumerate(zip(from_, past, strict=True)):
        others = np.delete(loudest[low:high], k - low)
        if len(others) >= FEWEST_AROUND:
            louder[k] = loudest[k] - np.quantile(others, 0.9)
    banged = np.flatnonzero(louder >= STICKS_OUT_VELOCITY)
    chords = np.split(notes, first[1:])
    return [
        Finding(
            code="banged",
            dimension="tone_quality",
            at_s=float(at_s[k]),
            until_s=float(chords[k]["offset_s"].max()),
            size=float(louder[k] / STICKS_OUT_VELOCITY),
            numbers={
                "louder": float(louder[k]),
                "pitch": int(chords[k]["pitch"][chords[k]["velocity"].argmax()]),
                "count": len(banged),
            },
        )
        for k in banged[np.argsort(-louder[banged], kind="stable")][:MOST_BANGED]
    ]


def _typical(
    passages: Passages,
    measure: Callable[[NoteArray], float | None],
    code: Code,
    dimension: Dimension,
    name: str,
    least: float,
) -> list[Finding]:
    """Return a finding where the median over passages is `least` or more, where it is most."""
    found = [(value, at) for at, (_, part) in enumerate(passages)
             if (value := measure(part.notes)) is not None]  # fmt: skip
    typical = float(np.median([value for value, _ in found])) if found else 0.0
    if typical < least:
        return []
    most, at = max(found, key=lambda one: (one[0], -one[1]))
    start_s, passage = passages[at]
    return [
        Finding(
            code=code,
            dimension=dimension,
            at_s=start_s,
            until_s=start_s + passage.duration_s,
            size=typical / least,
            numbers={name: typical, "most": most},
        )
    ]


def _end_s(passages: Passages) -> float:
    return max(start_s + passage.duration_s for start_s, passage in passages)
