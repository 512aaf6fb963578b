"""One page that explains the grades of one take or two: what a teacher can hand out."""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from markupsafe import Markup

from degradation.recipe import Recipe
from labeling.findings import Finding, find_all
from labeling.scores import DIMENSIONS, Dimension
from models.evaluation.report.environment import page_environment
from models.inference.score import Graded, Score
from pipelines.grading.drawing import Cell, Roll, draw_cells, draw_roll, ticks, width_px
from pipelines.grading.sound import TakeSound
from pipelines.grading.wording import INPUT_WORDS, measured, one_number, told, weakness, with_error
from pipelines.listening.page import PITCH_NAMES

HERE = Path(__file__).parent
MOST_FINDINGS = 8
WORTH_A_WORD = 0.5
"""Points below its mean from which a grade's lowest passage is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedTake:
    """A take that was graded, and its sound."""

    graded: Graded
    sound: TakeSound


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowest:
    """A window in which dimensions were graded lowest, and the numbers of the findings there.

    `below` is by how many points each of them is below its mean.
    """

    at_s: float
    until_s: float
    below: Mapping[Dimension, float]
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A take as the template reads it; `roll` is None where no notes are known.

    `told` are the dimensions whose grades are shown.
    """

    take: GradedTake
    name: str
    told: tuple[Dimension, ...]
    width_px: int
    ticks: list[int]
    roll: Roll | None
    strips: tuple[tuple[Dimension, list[Cell]], ...]
    findings: tuple[Finding, ...]
    lowest: tuple[Lowest, ...]

    @property
    def score(self) -> Score:
        """The take's scores."""
        return self.take.graded.score


def grade_page(takes: Sequence[GradedTake], recipe: Recipe) -> str:
    """Return one self-contained HTML page on one take or two; its policy forbids requests."""
    script = (HERE / "page.js").read_text(encoding="utf-8")
    environment = _environment()
    sentences = environment.get_template("findings.html.j2").module

    def say(finding: Finding, first: bool) -> Markup:
        said: Any = getattr(sentences, finding.code)(first=first, **finding.numbers)
        return Markup(" ".join(said.split()))

    return environment.get_template("page.html.j2").render(
        cards=[_card(take, told(take.graded.score, recipe)) for take in takes],
        dimensions=DIMENSIONS,
        input_words=INPUT_WORDS,
        measured=partial(measured, recipe=recipe),
        one_number=one_number,
        recipe_name=recipe.name,
        say=say,
        script=Markup(script),
        weakness=weakness(takes[0].graded.score.model, recipe),
        with_error=with_error,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        page_style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
    )


def _environment() -> Environment:
    found = page_environment().overlay()
    assert found.loader is not None
    found.loader = ChoiceLoader([FileSystemLoader(HERE), found.loader])
    found.filters = found.filters | {"base64": _base64, "clock": _clock, "pitch": _pitch_name}
    return found


def _card(take: GradedTake, told: tuple[Dimension, ...]) -> Card:
    graded, opened = take.graded, take.graded.opened
    duration_s, notes = opened.duration_s, opened.notes
    findings = find_all(notes, graded.bounds_s)[:MOST_FINDINGS] if notes is not None else ()
    strips = {
        name: draw_cells(graded.by_window[:, at], graded.bounds_s, duration_s)
        for at, name in enumerate(DIMENSIONS)
        if name in told
    }
    return Card(
        take=take,
        name=" + ".join(Path(file).name for file in graded.score.file.split(" + ")),
        told=told,
        width_px=width_px(duration_s),
        ticks=ticks(duration_s),
        roll=draw_roll(notes, duration_s) if notes is not None and len(notes.notes) else None,
        strips=tuple(strips.items()),
        findings=findings,
        lowest=_lowest(strips, graded, findings),
    )


def _lowest(
    strips: Mapping[Dimension, Sequence[Cell]], graded: Graded, findings: Sequence[Finding]
) -> tuple[Lowest, ...]:
    """Return the windows that are the lowest of a dimension, in order of time."""
    fell: dict[int, dict[Dimension, float]] = defaultdict(dict)
    for name, cells in strips.items():
        for at, cell in enumerate(cells):
            below = graded.score.scores[name] - cell.grade
            if cell.lowest and below > WORTH_A_WORD:
                fell[at][name] = below
    found = []
    for at, names in sorted(fell.items()):
        start_s, length_s = graded.bounds_s[at]
        longest_s = max(length_s, graded.opened.duration_s / 2)
        there = [
            number
            for number, one in enumerate(findings, 1)
            if one.at_s < start_s + length_s
            and one.until_s > start_s
            and one.until_s - one.at_s <= longest_s
        ]
        until_s = start_s + length_s
        found.append(Lowest(at_s=start_s, until_s=until_s, below=names, numbers=tuple(there)))
    return tuple(found)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(int(time_s + 1e-6), 60)
    return f"{minutes}:{seconds:02d}"


def _pitch_name(pitch: int) -> str:
    octave, step = divmod(int(pitch), 12)
    return f"{PITCH_NAMES[step]}{octave - 1}"
