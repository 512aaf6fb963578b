"""Scores as text for a terminal, and as lines of JSON for a program."""

import json
from collections.abc import Iterable
from dataclasses import asdict

from degradation.factored import FactoredRecipe
from degradation.recipe import Recipe
from labeling.scores import DIMENSIONS
from models.inference.score import Score

INPUT_WORDS = {
    "audio": "audio alone",
    "midi": "MIDI alone",
    "audio+midi": "audio and MIDI",
    "audio→midi": "MIDI transcribed from audio",
    "audio+audio→midi": "audio and MIDI transcribed from it",
}

SHORT = ("note", "rhythm", "artic.", "pedal", "tone", "dynam.", "expr.", "overall")
"""The dimensions' names in a table of many files."""

NAME_WIDTH = 40
CELL_WIDTH = 9
UNJUDGED = "*"


def json_line(score: Score, recipe: Recipe) -> str:
    """Return one performance as one line of strict, ASCII JSON; scores to two decimals."""

    def rounded(values: dict[str, float]) -> dict[str, float]:
        return {name: round(value, 2) for name, value in values.items()}

    plain = asdict(score)
    return _line(
        plain
        | {
            "file": _utf8(score.file),
            "scores": rounded(plain["scores"]),
            "spread": rounded(plain["spread"]),
            "duration_s": round(score.duration_s, 3),
            "recipe": recipe.name,
        }
    )


def json_error(file: str, reason: str) -> str:
    """Return the error of a file as one line of JSON."""
    return _line({"file": _utf8(file), "error": _utf8(reason)})


def block(score: Score, recipe: Recipe) -> str:
    """Return one performance as a table, one dimension per line."""
    silent = f", {score.silent_windows} silent" if score.silent_windows else ""
    windows = "1 window" if score.windows == 1 else f"{score.windows} windows"
    lines = [
        printable(score.file),
        f"  {_clock(score.duration_s)} of {INPUT_WORDS[score.modality]}, graded by {score.model} "
        f"(recipe {recipe.name}): {windows}{silent}",
        *(f"  {printable(left_out)}" for left_out in score.left_out),
        "",
        f"  {'dimension':<24}{'score':>6}   {'over time':<10}",
    ]
    for name in DIMENSIONS:
        spread = f"± {score.spread[name]:.1f}" if score.windows > 1 else ""
        reason = score.not_judged.get(name)
        note = f"not judged: {reason}" if reason else ""
        lines.append(f"  {name:<24}{score.scores[name]:>6.1f}   {spread:<10}{note}".rstrip())
    return "\n".join([*lines, "", *(f"  {line}" for line in caveats(recipe))])


def left_out_line(score: Score) -> str:
    """Return what of a file was left out or changed, on one line."""
    return printable(f"{score.file}: {'; '.join(score.left_out)}")


def heading(files: Iterable[str]) -> str:
    """Return the first line of a table with one row per performance."""
    names = "".join(f"{short:<{CELL_WIDTH}}" for short in SHORT)
    return f"{'file':<{name_width(files)}}  {names}heard by".rstrip()


def row(score: Score, width: int) -> str:
    """Return one performance as a row of that table; names get `width` columns."""
    cells = ""
    for name in DIMENSIONS:
        spread = f"±{score.spread[name]:.0f}" if score.windows > 1 else ""
        mark = UNJUDGED if name in score.not_judged else ""
        cells += f"{f'{score.scores[name]:.0f}{spread}{mark}':<{CELL_WIDTH}}"
    file = _shortened(printable(score.file), width)
    return f"{file:<{width}}  {cells}{score.model}, {score.modality}"


def legend(rows: Iterable[Score], recipe: Recipe) -> str:
    """Return the notes below that table."""
    unjudged = {
        f"{UNJUDGED} not judged: {name} ({reason})"
        for score in rows
        for name, reason in score.not_judged.items()
    }
    over_time = "score ± its standard deviation over the performance's windows"
    return "\n".join([over_time, *sorted(unjudged), *caveats(recipe)])


def name_width(files: Iterable[str]) -> int:
    """Return the width of the column of file names."""
    return min(NAME_WIDTH, max(len("file"), *(len(printable(file)) for file in files)))


def caveats(recipe: Recipe) -> list[str]:
    """Return what limits every score of this recipe."""
    if isinstance(recipe, FactoredRecipe):
        return [
            f"The scores continue the labels of recipe {recipe.name}, which no listener gave: each "
            "says how far one kind of",
            "damage is above what is just noticeable (95: not noticed), by sizes that are partly "
            "our own choice.",
        ]
    return [
        f"The scores continue the labels of recipe {recipe.name}, which no listener gave: all "
        "eight carry one signal,",
        "how damaged a performance is, so that differences between dimensions mean little.",
    ]


def printable(text: str) -> str:
    """Return text on one line, with escapes for control characters and unprintable ones."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _line(content: dict[str, object]) -> str:
    return json.dumps(content, allow_nan=False)


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
