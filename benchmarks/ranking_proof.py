"""Whether `pianograde score` ranks a performance's counterfactuals: after `pianograde run`.

Damages test performances by one factor at a time, writes them as files, grades the files as
`pianograde score` does, from MIDI, from audio and from both as far as models read them, and
prints how often two that are 2 JND or more apart in a factor are graded in the right order. Ends
with code 1 where in each of these some factor is ranked right less often than `IN_ORDER_SHARE`.
"""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import typer

from degradation.degrade import damage_notes, damage_sound
from degradation.draws import NOTHING, FactoredDraw, family_of, with_effective_severities
from degradation.errors import UserError
from degradation.factored import FACTORS, Factor, FactoredRecipe
from degradation.notes import Performance, cut_window
from degradation.render import render
from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, MODALITIES, Modality
from models.evaluation.counterfactuals.dose_response import APART_JND, far_apart, fell
from models.evaluation.criteria.acceptance import IN_ORDER_SHARE
from models.inference.model_choice import ModelChoice
from models.inference.scorer import Scorer
from models.inference.sources import Sources
from pipelines.cli.command import CorpusOption, report_user_error
from pipelines.evenly_spaced import evenly_spaced
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace, open_workspace
from storage.audio import encode_flac
from storage.midi import write_midi
from storage.performances import load_performances
from storage.tables import read_table

PERFORMANCES = 12
EXCERPT_S = 60.0
"""So much of each is damaged and graded, from its beginning."""

INPUTS: Mapping[str, frozenset[Modality]] = {
    "MIDI": frozenset({"midi"}),
    "audio": frozenset({"audio"}),
    "both": frozenset({"audio", "midi"}),
}


def held_out_performances(workspace: Workspace) -> Iterator[tuple[str, Performance]]:
    """Yield up to `PERFORMANCES` performances of the test split, evenly over the corpus."""
    table = workspace.corpus_table("performances")
    columns = ["performance_id", "year"]
    of_test = pc.field("split") == "test"
    rows = read_table(table).to_table(columns=columns, filter=of_test).sort_by("performance_id")
    # Ids begin with the year, so that one year's notes are enough to hold.
    of_year = lru_cache(maxsize=1)(partial(load_performances, table))
    for row in rows.take(list(evenly_spaced(len(rows), PERFORMANCES))).to_pylist():
        whole = of_year(row["year"])[row["performance_id"]]
        yield row["performance_id"], cut_window(whole, 0.0, min(EXCERPT_S, whole.duration_s))


def write_family(
    recipe: FactoredRecipe, name: str, clean: Performance, folder: Path
) -> Iterator[tuple[FactoredDraw, Sources]]:
    """Write a performance and its versions with one factor damaged; yield each with its files."""
    asked = [draw for draw in family_of(recipe, name) if draw.varied in (NOTHING, *FACTORS)]
    for draw, effective in zip(asked, with_effective_severities(asked, clean), strict=True):
        if effective.severity_jnd != draw.severity_jnd:
            continue  # the performance has nothing that this factor could damage
        damaged = damage_notes(clean, draw.note_operations, draw.stream).performance
        dry = render(damaged, draw.instrument)
        sound = damage_sound(dry, draw.sound_operations, draw.stream).waveform
        midi, audio = folder / f"{draw.sample_id}.mid", folder / f"{draw.sample_id}.flac"
        midi.write_bytes(write_midi(damaged))
        audio.write_bytes(encode_flac(sound))
        yield draw, Sources(midi=midi, audio=audio)


def grade_family(
    scorer: Scorer, inputs: Sequence[str], family: Iterator[tuple[FactoredDraw, Sources]]
) -> dict[tuple[str, Factor], list[tuple[float, float]]]:
    """Return (severity in JND, score of its dimension) of each version, by input and factor."""
    graded: dict[tuple[str, Factor], list[tuple[float, float]]] = defaultdict(list)
    for draw, both in family:
        for given in inputs:
            # Also where notes alone would not be judged, as tone: what the model makes of them.
            windows = scorer.grade(both.only(INPUTS[given])).by_window
            scores = dict(zip(DIMENSIONS, np.nanmean(windows, axis=0), strict=True))
            for factor in FACTORS:
                if draw.varied in (NOTHING, factor):
                    severity = draw.severities_jnd[factor]
                    graded[given, factor].append((severity, float(scores[factor])))
    return graded


def ordered_pairs(graded: list[tuple[float, float]]) -> list[float]:
    """Return whether the score fell (`fell`) in each pair of versions `APART_JND` or more apart."""
    ordered = sorted(graded)
    scores = [score for _, score in ordered]
    return [
        float(fell(scores[heavier] - scores[lighter]))
        for lighter, heavier in far_apart([severity for severity, _ in ordered])
    ]


def print_shares(shares: Mapping[tuple[str, Factor], list[float]]) -> None:
    """Print how often each factor's pairs are in order, by input."""
    inputs = list(dict.fromkeys(given for given, _ in shares))
    typer.echo(f"in the right order, of pairs {APART_JND:g} JND or more apart in one factor")
    typer.echo(f"  {'':22}{'pairs':>6}" + "".join(f"{given:>8}" for given in inputs))
    for factor in FACTORS:
        found = "".join(f"{np.mean(shares[given, factor]):8.3f}" for given in inputs)
        typer.echo(f"  {factor:22}{len(shares[inputs[0], factor]):6}{found}")


@report_user_error
def main(recipe: str = "factored", corpus: CorpusOption = None) -> None:
    """Show how well whole performances are ranked by the trained models."""
    workspace, chosen = open_workspace(corpus), find_recipe(recipe)
    if not isinstance(chosen, FactoredRecipe):
        raise UserError(f"recipe {recipe} damages by tier; expected one of kind factored")
    choice = ModelChoice({name: workspace.model_folder(recipe, name) for name in EXPERIMENTS})
    trained = [MODALITIES[name] for name in choice.folders]
    inputs = [name for name, given in INPUTS.items() if any(given <= each for each in trained)]
    scorer = Scorer(choice, workspace.settings.corpus_config(), chosen.sample_rate_hz)
    shares: dict[tuple[str, Factor], list[float]] = defaultdict(list)
    for name, clean in held_out_performances(workspace):
        with tempfile.TemporaryDirectory() as folder:
            family = write_family(chosen, name, clean, Path(folder))
            for of, graded in grade_family(scorer, inputs, family).items():
                shares[of] += ordered_pairs(graded)
        typer.echo(f"  {name}", err=True)
    print_shares(shares)
    holds = any(
        all(np.mean(shares[given, factor]) >= IN_ORDER_SHARE for factor in FACTORS)
        for given in inputs
    )
    typer.echo(f"at least {IN_ORDER_SHARE:.0%} of each factor's pairs: {'yes' if holds else 'NO'}")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    typer.run(main)
