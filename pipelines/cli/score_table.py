"""Scores as text for a terminal, and as lines of JSON for a program."""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from textwrap import wrap

from degradation.counted import counted
from degradation.recipe import Recipe
from labeling.scores import DIMENSIONS, OVERALL, Dimension
from models.inference.score import ByDimension, Score
from pipelines.grading.wording import (
    INPUT_WORDS,
    is_one_signal,
    measured,
    one_number,
    told,
    weakness,
    with_error,
)

SHORT: Mapping[Dimension, str] = {
    "overall_interpretation": "overall",
    "note_accuracy": "note",
    "rhythmic_stability": "rhythm",
    "articulation_clarity": "artic.",
    "pedal_technique": "pedal",
    "tone_quality": "tone",
    "dynamic_range": "dynam.",
    "musical_expression": "expr.",
}
"""The dimensions' names in a table of many files, in its order."""

NAME_WIDTH = 40
LINE_WIDTH = 100
CELL_WIDTH = 9
UNJUDGED = "–"


def json_line(score: Score, recipe: Recipe) -> str:
    """Return one performance as one line of strict, ASCII JSON; to two decimals.

    What is not judged, or undefined, is null.
    """

    def rounded(values: ByDimension) -> dict[str, float | None]:
        return {name: _rounded(values.get(name, math.nan)) for name in DIMENSIONS}

    return _line(
        asdict(score)
        | {
            "file": _utf8(score.file),
            "scores": rounded(score.scores),
            "spread": rounded(score.spread),
            "skill": {
                name: {"r": _rounded(one.r), "error_points": _rounded(one.error_points)}
                for name, one in score.skill.items()
            },
            "duration_s": round(score.duration_s, 3),
            "recipe": recipe.name,
        }
    )


def error_line(name: str, reason: str) -> str:
    """Return why a performance was refused, its name once: a reason may begin with a file's."""
    for path in name.split(" + "):
        for called in (path, os.path.basename(path)):
            if reason.startswith(f"{called} "):
                return printable(path + reason.removeprefix(called))
    return printable(f"{name}: {reason}")


def json_error(file: str, reason: str) -> str:
    """Return the error of a file as one line of JSON."""
    return _line({"file": _utf8(file), "error": _utf8(reason)})


def block(score: Score, recipe: Recipe) -> str:
    """Return one performance: its one number, then a line a dimension where they differ."""
    silent = f", {score.silent_windows} silent" if score.silent_windows else ""
    shown = told(score, recipe)
    lines = [
        f"{one_number(score)}: {printable(score.file)}",
        *_wrapped(measured(score, recipe)),
        f"  {_clock(score.duration_s)} of {INPUT_WORDS[score.modality]}, graded by {score.model} "
        f"(recipe {recipe.name}): {counted(score.windows, 'window')}{silent}",
        *(f"  {printable(left_out)}" for left_out in score.left_out),
    ]
    if shown != (OVERALL,):
        lines += ["", f"  {'dimension':<24}{'grade':>6}  {'error':<8}{'r':<7}over time"]
        lines += [_dimension(name, score) for name in DIMENSIONS]
    return "\n".join([*lines, "", *_wrapped(weakness(score.model, recipe))])


def _dimension(name: Dimension, score: Score) -> str:
    if name not in score.scores:
        return f"  {name:<24}not judged: {score.not_judged[name]}"
    skill = score.skill[name]
    varies = f"varies by {score.spread[name]:.1f}" if score.windows > 1 else ""
    error = f"± {skill.error_points:.1f}"
    return f"  {name:<24}{score.scores[name]:>6.1f}  {error:<8}{skill.r:<7.2f}{varies}".rstrip()


def left_out_line(score: Score) -> str:
    """Return what of a file was left out or changed, on one line."""
    return printable(f"{score.file}: {'; '.join(score.left_out)}")


def heading(files: Iterable[str], recipe: Recipe) -> str:
    """Return the first line of a table with one row per performance."""
    return f"{_row('file', name_width(files), SHORT, recipe)}heard by"


def row(score: Score, width: int, recipe: Recipe) -> str:
    """Return one performance as a row of that table; names get `width` columns."""
    cells = {name: f"{grade:.0f}" for name, grade in score.scores.items()}
    if OVERALL in cells:
        cells[OVERALL] = with_error(score, OVERALL)
    heard_by = f"{score.model}, {score.modality}"
    return _row(_shortened(printable(score.file), width), width, cells, recipe) + heard_by


def legend(rows: Sequence[Score], width: int, recipe: Recipe) -> str:
    """Return what stands below that table: each model's error and r, and notes."""
    lines = []
    for model, score in {score.model: score for score in rows}.items():
        told = {name for one in rows if one.model == model for name in one.scores}
        skill = {name: one for name, one in score.skill.items() if name in told}
        errors = {name: f"± {one.error_points:.1f}" for name, one in skill.items()}
        r = {name: f"{one.r:.2f}" for name, one in skill.items()}
        lines += [
            f"{_row('mean error', width, errors, recipe)}{model}, on clips of held-out pieces",
            f"{_row('r with labels', width, r, recipe)}{model}, on clips of held-out pieces",
        ]
    unjudged = {
        f"{UNJUDGED} not judged: {name}, {score.not_judged[name]}"
        for score in rows
        for name in _columns(recipe)
        if name in score.not_judged
    }
    return "\n".join(
        [*lines, "", *sorted(unjudged), *wrap(weakness(rows[0].model, recipe), LINE_WIDTH)]
    )


def _row(first: str, width: int, cells: Mapping[Dimension, str], recipe: Recipe) -> str:
    named = "".join(f"{cells.get(name, UNJUDGED):<{CELL_WIDTH}}" for name in _columns(recipe))
    return f"{first:<{width}}  {named}"


def _columns(recipe: Recipe) -> tuple[Dimension, ...]:
    return (OVERALL,) if is_one_signal(recipe) else tuple(SHORT)


def name_width(files: Iterable[str]) -> int:
    """Return the width of the column of file names."""
    return min(NAME_WIDTH, max(len("r with labels"), *(len(printable(file)) for file in files)))


def printable(text: str) -> str:
    """Return text on one line, with escapes for control characters and unprintable ones."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _line(content: dict[str, object]) -> str:
    return json.dumps(content, allow_nan=False)


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 2)


def _wrapped(text: str) -> list[str]:
    return [f"  {line}" for line in wrap(text, LINE_WIDTH)]


def _utf8(text: str) -> str:
    """Return text with escapes for bytes of a file name that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else "…" + text[1 - width :]


def _clock(duration_s: float) -> str:
    if duration_s < 60:
        return f"{duration_s:.1f} s"
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes}:{seconds:02d} min"
