"""The Jinja environment of all result pages, and how a page and its JSON are written."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from models.document import write_document
from models.duration import describe_duration
from models.evaluation.criteria.verdict import Verdict
from models.evaluation.report import formats
from models.evaluation.report.figures.palette import COLOURS
from storage.files import whole_file


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPaths:
    """The two files of a report."""

    html: Path
    json: Path


@functools.cache
def page_environment() -> jinja2.Environment:
    """Return the environment of this package's templates."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("models.evaluation.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=formats.number,
        percent=formats.percent,
        signed=formats.signed,
        plain=formats.plain,
        listed=formats.listed,
        duration=describe_duration,
        shares=_shares,
    )
    made.tests.update(known=lambda value: value is not None and not math.isnan(value))
    made.globals.update(colours=COLOURS, say=say)
    return made


def _shares(counts: Sequence[int]) -> list[float]:
    return [count / sum(counts) if any(counts) else math.nan for count in counts]


def say(verdict: Verdict) -> Markup:
    """Return a verdict's sentence: the macro of its name, called with its numbers.

    Raises AttributeError for a code without a macro.
    """
    macros = page_environment().get_template("sentences.html.j2").module
    said: Any = getattr(macros, verdict.code)(**verdict.numbers)
    return Markup(" ".join(said.split()))


def write_report(document: object, page: str, folder: Path, name: str) -> ReportPaths:
    """Write `name.json` and `name.html` into a folder that is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = ReportPaths(html=folder / f"{name}.html", json=folder / f"{name}.json")
    write_document(paths.json, document)
    with whole_file(str(folder), paths.html.name) as file:
        file.write(page.encode())
    return paths
