"""Compares a take grader's record with what is there today, and fits the grader again."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from models.take_grader.document import Music, TakeGrader
from pipelines.assets.recipe import flatten
from pipelines.assets.take_grader import Log, fit_to, read_music
from pipelines.corpora import DEMO, corpus_names, find_corpus
from pipelines.findings import Finding, compare, compare_code, compare_tier
from pipelines.settings import Settings
from pipelines.workspace import Workspace
from storage.tables import table_exists

EASY = "easy"
"""A corpus of the installed grader, which `tools.easy_corpus` writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How two graders differ: in how many of their numbers, and the largest difference."""

    numbers: int
    differing: int
    largest: float


def check_grader(record: TakeGrader, settings: Settings) -> Iterator[Finding]:
    """Yield each item of a grader's record; a corpus that is not there is missing."""
    for music in record.music:
        yield _compare_music(music, settings)
    way_out = f"give {record.recipe}.yaml its content of then"
    yield compare_tier(record.recipe, "poor", record.recipe_digest, way_out)
    yield from compare_code(record.made)


def fit_again(record: TakeGrader, settings: Settings, log: Log) -> TakeGrader:
    """Return a grader fitted to the corpora of a record, as they are today."""
    corpora = [find_corpus(settings, music.corpus) for music in record.music]
    return fit_to([Workspace(settings, corpus) for corpus in corpora], record.seed, log)


def compare_graders(was: TakeGrader, now: TakeGrader) -> Difference:
    """Compare curves, weights and figures; a number that one lacks differs by infinity."""
    old, new = _numbers(was), _numbers(now)
    names = old | new
    differing = [
        abs(old.get(name, math.inf) - new.get(name, -math.inf))
        for name in names
        if repr(old.get(name)) != repr(new.get(name))  # an undefined one equals itself
    ]
    return Difference(
        numbers=len(names), differing=len(differing), largest=max(differing, default=0.0)
    )


def _numbers(grader: TakeGrader) -> dict[str, float]:
    document = {
        "dimensions": {name: asdict(model) for name, model in grader.dimensions.items()},
        "overall_base": grader.overall_base,
        "overall_weights": grader.overall_weights,
        "skill": {name: asdict(skill) for name, skill in grader.skill.items()},
    }
    return {name: value for name, value in flatten(document).items() if isinstance(value, float)}


def _compare_music(music: Music, settings: Settings) -> Finding:
    item, was = f"corpus {music.corpus}", _described(music)
    if music.corpus in (DEMO, *corpus_names(settings)):
        workspace = Workspace(settings, find_corpus(settings, music.corpus))
        if table_exists(workspace.corpus_table("performances")):
            found, _ = read_music(workspace)
            way_out = "make it again from the files and by the code of then"
            return compare(item, was, _described(found), way_out)
    fault = f"expected {was}, got none: {_commands(music)}"
    return Finding(item=item, was=was, fault=fault, missing=True)


def _described(music: Music) -> str:
    return f"{music.performances} performances of digest {music.digest}"


def _commands(music: Music) -> str:
    """Return the commands that make a corpus."""
    commands = [f"pianograde fit-grader --corpus {music.corpus}"]
    if music.corpus == EASY:
        commands.insert(0, f"pianograde corpus add {EASY} --maestro FOLDER")
        commands.insert(0, "python -m tools.easy_corpus FOLDER")
    elif music.corpus != DEMO:
        limit = f"--limit {music.performances}"
        commands.insert(0, f"pianograde corpus add {music.corpus} --maestro FOLDER {limit}")
    return ", then ".join(f"`{one}`" for one in commands)
