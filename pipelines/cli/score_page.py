"""The page of `score --html`: from graded files to a file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from degradation.errors import UserError
from degradation.recipe import Recipe
from models.inference.score import Graded
from models.inference.sources import Sources
from models.inference.windows import open_performance
from pipelines.grading.page import GradedTake, grade_page
from pipelines.grading.sound import take_sound


def make_take(graded: Graded, sources: Sources, recipe: Recipe) -> GradedTake:
    """Return a take with its sound and notes, also where the model did not read both."""
    opened = graded.opened
    if opened.notes is None and sources.midi is not None:
        alone = open_performance(Sources(midi=sources.midi), 0.0)
        opened = replace(opened, notes=alone.notes)
    if opened.sound is None and sources.audio is not None:
        opened = replace(opened, sound=sources.audio)
    return GradedTake(
        graded=replace(graded, opened=opened),
        sound=take_sound(opened, recipe),
    )


def write_page(path: Path, takes: Sequence[GradedTake], recipe: Recipe) -> Path:
    """Write the page and return where. Raises UserError where that cannot be."""
    page = grade_page(takes, recipe)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); expected a file: choose another place"
        ) from error
    return path
