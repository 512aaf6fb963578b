"""A page to hear what a recipe does: one HTML file that holds its sound, drawings and script."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from degradation.notes import SUSTAIN, Performance
from pipelines.listening.note_changes import (
    FollowedNote,
    NoteChange,
    describe_changes,
    follow_notes,
)
from pipelines.listening.palette import NOTE_COLOURS, NOTE_LEGEND, TAKE_COLOURS, velocity_opacity

HERE = Path(__file__).parent
MARGIN_SEMITONES = 2
PITCH_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
TICK_EVERY_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A segment in one tier, or with one fault: its sound, and its notes before and after.

    `name` is that of the tier or fault, `flac` a whole FLAC file of `duration_s`. `done` describes
    the operations, one phrase each. `scores` has a score for each dimension, or none.
    """

    name: str
    clean: Performance
    degraded: Performance
    flac: bytes
    duration_s: float
    done: tuple[str, ...]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningSegment:
    """A passage of a piece, from `start_s` in its performance, in several takes.

    `note` says what is to be heard where the takes are no tiers or faults.
    """

    segment_id: str
    composer: str
    title: str
    start_s: float
    split: str
    licence: str
    takes: tuple[Take, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnNote:
    """A rectangle of the roll: milliseconds across, semitones down from the highest pitch."""

    kind: str
    left: int
    top: int
    width: int
    opacity: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A segment on the page: its takes in order, and the pitches that all its rolls share."""

    segment: ListeningSegment
    takes: tuple[Take, ...]
    highest_pitch: int
    semitones: int

    @property
    def octaves(self) -> list[int]:
        """The Cs within the roll."""
        return [p for p in range(12, 120, 12) if 0 < self.highest_pitch - p < self.semitones]

    def notes(self, take: Take) -> list[DrawnNote]:
        """Return the rectangles of a take."""
        followed = follow_notes(take.clean.notes, take.degraded.notes)
        return [drawn for one in followed for drawn in _drawn(one, self.highest_pitch)]


def listening_page(
    segments: Sequence[ListeningSegment],
    dose_jnd: float | None,
    recipe_name: str,
    corpus_name: str,
) -> str:
    """Return one self-contained HTML page with a row per segment and a card per take.

    `dose_jnd` is the severity of each fault; None where the takes are tiers. The page's content
    security policy forbids requests. Raises ValueError without segments.
    """
    if not segments:
        raise ValueError("a listening page needs at least one segment, got none")
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(HERE),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"clock": _clock, "pedal_path": _pedal_path, "base64": _base64}
    script = (HERE / "page.js").read_text(encoding="utf-8")
    return environment.get_template("page.html.j2").render(
        colours=TAKE_COLOURS,
        corpus_name=corpus_name,
        describe_changes=describe_changes,
        dose_jnd=dose_jnd,
        legend=[(change.value, words) for change, words in NOTE_LEGEND.items()],
        note_colours=NOTE_COLOURS
        | {"meant": NOTE_COLOURS[NoteChange.WRONG], "loud": NOTE_COLOURS[NoteChange.KEPT]},
        recipe_name=recipe_name,
        rows=[_row(segment) for segment in segments],
        script=Markup(script),
        script_digest=_base64(hashlib.sha256(script.encode()).digest()),
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        tick_every_s=TICK_EVERY_S,
    )


def _row(segment: ListeningSegment) -> Row:
    played = [part.notes for take in segment.takes for part in (take.clean, take.degraded)]
    pitches = np.concatenate([notes["pitch"] for notes in played]).astype(int)
    lowest, highest = (pitches.min(), pitches.max()) if len(pitches) else (60, 72)
    names = list(TAKE_COLOURS)
    return Row(
        segment=segment,
        takes=tuple(sorted(segment.takes, key=lambda take: names.index(take.name))),
        highest_pitch=int(highest) + MARGIN_SEMITONES,
        semitones=int(highest - lowest) + 2 * MARGIN_SEMITONES + 1,
    )


def _drawn(one: FollowedNote, highest_pitch: int) -> list[DrawnNote]:
    """Return the note as played, and an outline of the note that was not played."""
    sides = []
    if one.before is not None and one.change in (NoteChange.MISSED, NoteChange.WRONG):
        kind = "missed" if one.change is NoteChange.MISSED else "meant"
        sides.append((kind, one.before, f"{_pitch_name(one.before)}, {kind}"))
    if one.after is not None:
        sides.append((one.change.value, one.after, _words(one, one.after)))
    return [
        DrawnNote(
            kind=kind,
            left=round(1000 * note["onset_s"]),
            top=highest_pitch - int(note["pitch"]),
            width=max(1, round(1000 * (note["offset_s"] - note["onset_s"]))),
            opacity=f"{velocity_opacity(int(note['velocity'])):.2f}",
            words=words,
        )
        for kind, note, words in sides
    ]


def _words(one: FollowedNote, after: np.void) -> str:
    words = [_pitch_name(after), f"velocity {after['velocity']}"]
    if one.change is NoteChange.WRONG and one.before is not None:
        words.insert(1, f"{_pitch_name(one.before)} was meant")
    if one.change is NoteChange.EXTRA:
        words.insert(1, "extra")
    if abs(one.shift_s) >= 0.001:
        words.append(f"{abs(1000 * one.shift_s):.0f} ms {'late' if one.shift_s > 0 else 'early'}")
    return ", ".join(words)


def _pitch_name(note: np.void) -> str:
    octave, step = divmod(int(note["pitch"]), 12)
    return f"{PITCH_NAMES[step]}{octave - 1}"


def _pedal_path(performance: Performance) -> str:
    """Return an SVG path of the sustain pedal's depth: milliseconds across, 127 (up) to 0."""
    moved = performance.pedal[performance.pedal["controller"] == SUSTAIN]
    steps = "".join(f"H{round(1000 * m['time_s'])}V{127 - int(m['value'])}" for m in moved)
    return f"M0 127{steps}H{round(1000 * performance.duration_s)}V127Z"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(int(time_s), 60)
    return f"{minutes}:{seconds:02d}"
