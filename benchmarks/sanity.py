"""Whether models grade altered playing as they must: `python -m benchmarks.sanity [FILE]...`.

Alters performances (MIDI or audio; those of the demo corpus's test pieces without any) in the ways
of `benchmarks.alterations`, grades them as `pianograde score` does, and prints a Markdown table.
A model that hears is given what the altered notes sound like; one that hears alone hears altered
sound, too. Ends with code 1 where a law is broken.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer

from benchmarks.alterations import ALTERATIONS, FALL_POINTS, LAWS, STILL_POINTS, Altered
from degradation.errors import UserError
from degradation.notes import Performance
from degradation.recipe import Recipe
from degradation.render import render
from degradation.seeds import stream
from degradation.waveform import Waveform
from labeling.scores import OVERALL
from models.config.experiment import EXPERIMENTS, MODALITIES, Modality
from models.inference.scorer import Scorer
from models.inference.sources import Sources, find_sources
from models.inference.take_scorer import TakeScorer
from models.inference.windows import open_performance
from models.take_grader.document import NAME
from models.training.result import is_trained
from pipelines.cli.command import CorpusOption, RecipeOption, report_user_error
from pipelines.cli.scorers import take_scorer, trained_scorer
from pipelines.settings import find_recipe
from pipelines.workspace import open_workspace
from storage.audio import encode_flac, read_audio_window
from storage.corpus import read_index
from storage.demo_corpus import write_demo_corpus
from storage.midi import write_midi

ORIGINAL = "as played"
SOUNDS = {name for name, how in ALTERATIONS.items() if how.sound is not None}
NOT_GRADED = "–"

Grade = Callable[[Sources], float]
"""Grades a performance overall; UserError where it is refused or not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grader:
    """What grades, by the name that the table has for it, and what it reads."""

    reads: frozenset[Modality]
    grade: Grade


def find_graders(corpus: str | None, recipe: Recipe, only: Sequence[str]) -> dict[str, Grader]:
    """Return the installed grader and the trained models of a recipe, or those of `only`."""
    found = {}
    if not only or NAME in only:
        taken, _ = take_scorer(transcribe=False)
        found[NAME] = Grader(reads=frozenset({"midi"}), grade=_overall(taken))
    wanted = [name for name in EXPERIMENTS if name in only]
    if not only:
        workspace = open_workspace(corpus)
        folders = {name: workspace.model_folder(recipe.name, name) for name in EXPERIMENTS}
        wanted = [name for name in folders if is_trained(workspace.fetch(folders[name]))]
    for name in wanted:
        scorer, _ = trained_scorer(recipe.name, name, corpus, transcribe=False)
        found[name] = Grader(reads=MODALITIES[name], grade=_overall(scorer))
    return found


def _overall(scorer: Scorer | TakeScorer) -> Grade:
    def grade(sources: Sources) -> float:
        score = scorer.grade(sources).score
        if OVERALL not in score.scores:
            raise UserError(f"{sources.name}: {OVERALL} is not judged")
        return score.scores[OVERALL]

    return grade


def write_altered(path: Path, recipe: Recipe, folder: Path) -> dict[str, Sources]:
    """Write a performance and its alterations as files of notes and sound, as far as known."""
    given, instrument = open_performance(find_sources(path), tolerance_s=0.0), recipe.instruments[0]
    if given.notes is None:
        sound = read_audio_window(path, 0.0, given.duration_s, recipe.sample_rate_hz)
    else:
        sound = render(given.notes, instrument)
    written = {ORIGINAL: _write(folder, ORIGINAL, given.notes, sound)}
    for name, how in ALTERATIONS.items():
        rng = stream(0, "sanity", name, path.name)
        if how.sound is not None:
            written[name] = _write(folder, name, given.notes, how.sound(sound, rng))
        elif how.notes is not None and given.notes is not None:
            notes = how.notes(given.notes, rng)
            written[name] = _write(folder, name, notes, render(notes, instrument))
    return written


def _write(folder: Path, name: str, notes: Performance | None, sound: Waveform) -> Sources:
    midi, audio = folder / f"{name}.mid", folder / f"{name}.flac"
    audio.write_bytes(encode_flac(sound))
    if notes is not None:
        midi.write_bytes(write_midi(notes))
    return Sources(midi=midi if notes is not None else None, audio=audio)


def grade_files(
    graders: Mapping[str, Grader], files: Sequence[Path], recipe: Recipe
) -> dict[tuple[str, str], list[float]]:
    """Return the grades by grader and alteration, one a file; NaN where there is none."""
    grades: dict[tuple[str, str], list[float]] = {
        (name, what): [] for name in graders for what in (ORIGINAL, *ALTERATIONS)
    }
    for path in files:
        with TemporaryDirectory() as folder:
            altered = write_altered(path, recipe, Path(folder))
            for (name, what), found in grades.items():
                found.append(_grade(graders[name], altered.get(what), what))
        typer.echo(f"  {path.name}", err=True)
    return grades


def _grade(grader: Grader, sources: Sources | None, what: str) -> float:
    if sources is None or not grader.reads <= sources.modalities:
        return np.nan
    if what in SOUNDS and "midi" in grader.reads:  # altered sound goes with no notes
        return np.nan
    try:
        return grader.grade(sources.only(grader.reads))
    except UserError as error:
        typer.echo(f"{what}: {error}", err=True)
        return np.nan


def table(grades: Mapping[tuple[str, str], Sequence[float]], graders: Sequence[str]) -> list[str]:
    """Return the lines of a Markdown table: an alteration a row, a grader a column."""
    original = {name: np.array(grades[name, ORIGINAL]) for name in graders}
    lines = [
        f"| | law | {' | '.join(graders)} |",
        f"| --- | --- | {' | '.join('---:' for _ in graders)} |",
        f"| {ORIGINAL} | | {' | '.join(_mean(original[name]) for name in graders)} |",
    ]
    for what, how in ALTERATIONS.items():
        found = {name: np.array(grades[name, what]) for name in graders}
        cells = [_cell(found[name], found[name] - original[name], how) for name in graders]
        lines.append(f"| {what} | {how.law} | {' | '.join(cells)} |")
    return lines


def _cell(grades: np.ndarray, differences: np.ndarray, how: Altered) -> str:
    known = differences[~np.isnan(differences)]
    if not len(known):
        return NOT_GRADED
    mean = float(known.mean())
    cell = f"{_mean(grades)} ({round(mean, 1) + 0.0:+.1f} ± {known.std():.1f})"
    return cell if LAWS[how.law](mean) else f"**{cell}**"


def _mean(grades: np.ndarray) -> str:
    known = grades[~np.isnan(grades)]
    return f"{known.mean():.0f}" if len(known) else NOT_GRADED


def main(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...")] = None,
    model: Annotated[list[str] | None, typer.Option(help="A model; all without any.")] = None,
    recipe: RecipeOption = "phase2",
    corpus: CorpusOption = None,
) -> None:
    """Print how the models grade altered playing."""
    chosen = find_recipe(recipe)
    graders = find_graders(corpus, chosen, model or [])
    with TemporaryDirectory() as folder:
        if not files:
            root = Path(folder) / "root"
            write_demo_corpus(root)
            index = read_index(root).entries
            files = [root / one.midi_filename for one in index if one.split == "test"]
        grades = grade_files(graders, files, chosen)
    lines = table(grades, list(graders))
    typer.echo("\n".join(lines))
    broken = sum(line.count("**") // 2 for line in lines)
    typer.echo(
        f"\n{len(files)} files; grade (difference from the original ± its standard deviation over "
        f"files). Bold: a law is broken, which are: falls by {FALL_POINTS:g} points or more; does "
        f"not rise, or move, by more than {STILL_POINTS:g}. Broken: {broken}."
    )
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    typer.run(report_user_error(main))
