"""Whether the models of the last run learnt: `make proof`.

Prints, and ends with code 1 where it does not hold, that each experiment of the report beats
predicting the mean on every dimension, and that `midi_only` is better from the pretrained encoder
than from random weights, each of a few seeds trained both ways. Comes after `pianograde pretrain`
of the whole root, whose encoder is used, and `pianograde run` of a part of it.
"""

import statistics
import sys
from pathlib import Path

import numpy as np
import typer

from labeling.scores import DIMENSIONS
from models.document import read_document
from models.evaluation.report.document import Report
from models.inference.predict import predict_split
from models.inference.trained_model import load_model
from models.metrics import Agreement, agreement
from models.training.train import train
from pipelines.assets.evaluation import JUDGED_SPLIT
from pipelines.assets.pretraining import pretrained_folder
from pipelines.assets.training import LabelledExamples, read_examples
from pipelines.cli.command import CorpusOption, report_user_error
from pipelines.workspace import Workspace, open_workspace

SEEDS = (1, 2, 3)


def beats_the_mean(report: Path) -> bool:
    """Print r and MAE of every experiment and dimension beside the mean's MAE; say if all win."""
    found = read_document(report, Report)
    baseline = found.baseline.mae
    typer.echo(f"MAE by dimension ({JUDGED_SPLIT} split); predicting the mean last")
    for number, dimension in enumerate(DIMENSIONS):
        figures = "  ".join(f"{one.agreement.mae[number]:6.2f}" for one in found.models)
        typer.echo(f"  {dimension:24}{figures}  {baseline[number]:6.2f}")
    for one in found.models:
        agreed = one.agreement
        typer.echo(f"  {one.name:12} mean r {agreed.mean_r:.4f}, mean MAE {agreed.mean_mae:.3f}")
    return all(
        mae < mean
        for one in found.models
        for mae, mean in zip(one.agreement.mae, baseline, strict=True)
    )


def train_midi_only(
    workspace: Workspace, data: LabelledExamples, seed: int, start: Path | None, folder: Path
) -> Agreement:
    """Train `midi_only` with a seed and return how it agrees with the judged split."""
    config = workspace.experiment_config().model_copy(update={"seed": seed})
    train(
        "midi_only",
        config,
        data.parts,
        data.samples,
        folder,
        pretrained_dir=start,
        data=data.read,
        log=lambda line: typer.echo(f"  {line}", err=True),
        on_epoch=lambda record: None,
    )
    predicted = predict_split(load_model(folder), data.parts, data.samples, JUDGED_SPLIT)
    true = data.samples.set_index("sample_id").loc[predicted["sample_id"], list(DIMENSIONS)]
    return agreement(true.to_numpy(np.float64), predicted[list(DIMENSIONS)].to_numpy(np.float64))


def pretraining_helps(workspace: Workspace, recipe_name: str) -> bool:
    """Print `midi_only` from both starts, seed by seed.

    It helps when the mean gain in r is more than twice its standard error over the seeds.
    """
    data = read_examples(workspace, recipe_name)
    folder = workspace.output(recipe_name, f"proof/{workspace.corpus.experiment.stem}")
    found: dict[str, list[Agreement]] = {}
    for name, start in (("pretrained", pretrained_folder(workspace)), ("random", None)):
        found[name] = [
            train_midi_only(workspace, data, seed, start, folder / f"{name}-{seed}")
            for seed in SEEDS
        ]
    for name, results in found.items():
        r, mae = [one.mean_r for one in results], [one.mean_mae for one in results]
        typer.echo(
            f"midi_only, {name:10} r {statistics.mean(r):.4f} ± {statistics.stdev(r):.4f}, "
            f"MAE {statistics.mean(mae):.3f} ± {statistics.stdev(mae):.3f} "
            f"({', '.join(f'{one:.4f}' for one in r)})"
        )
    pairs = zip(found["pretrained"], found["random"], strict=True)
    gains = [with_.mean_r - without.mean_r for with_, without in pairs]
    error = statistics.stdev(gains) / len(gains) ** 0.5
    typer.echo(
        f"gain in r {statistics.mean(gains):+.4f}, standard error {error:.4f}, seed by seed "
        + ", ".join(f"{gain:+.4f}" for gain in gains)
    )
    return bool(statistics.mean(gains) > 2 * error)


@report_user_error
def main(corpus: CorpusOption = None) -> None:
    """Show what the last run's models learnt."""
    recipe_name = "phase2"
    workspace = open_workspace(corpus)
    learnt = beats_the_mean(workspace.output(recipe_name, "evaluation") / "report.json")
    typer.echo(f"all beat predicting the mean on every dimension: {'yes' if learnt else 'NO'}")
    helps = pretraining_helps(workspace, recipe_name)
    typer.echo(f"pretraining helps midi_only: {'yes' if helps else 'NO'}")
    sys.exit(0 if learnt and helps else 1)


if __name__ == "__main__":
    typer.run(main)
