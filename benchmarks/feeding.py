"""Whether training waits for data: `python -m benchmarks.feeding CORPUS --recipe factored`.

For each experiment of the corpus: how many samples a second one process reads from the shards, and
how many the model learns from on this machine's CPU. Readers that a faster device needs follow
from the two. Nothing is trained or changed.
"""

import time
from typing import Annotated

import typer

from benchmarks.part_costs import training_rates
from models.config.experiment import MODALITIES
from models.inputs.stream import Targets, load_batches
from pipelines.assets.training import read_examples
from pipelines.cli.command import print_table, report_user_error
from pipelines.workspace import open_workspace


@report_user_error
def main(
    corpus: Annotated[str, typer.Argument(help="A corpus whose features are made.")] = "demo",
    recipe: Annotated[str, typer.Option(help="A recipe.")] = "phase2",
) -> None:
    """Show how fast samples are read, and how fast they are learnt from."""
    workspace = open_workspace(corpus)
    config, data = workspace.experiment_config(), read_examples(workspace, recipe)
    one_reader = config.training.model_copy(update={"loader_workers": 0})
    targets = Targets(data.samples, "train")
    lines = []
    for experiment in config.experiments:
        begun_s = time.perf_counter()
        batches = load_batches(
            data.parts,
            targets,
            config.model_copy(update={"training": one_reader}),
            MODALITIES[experiment],
            1,
        )
        read = sum(len(batch.sample_ids) for batch in batches)
        read_rate = read / (time.perf_counter() - begun_s)
        learnt_rate = training_rates(experiment, config, [config.torch_threads])
        lines.append(
            {
                "experiment": experiment,
                "samples": f"{read:,}",
                "read a second": f"{read_rate:,.0f}",
                "learnt a second": f"{learnt_rate[config.torch_threads]:,.0f}",
                "read / learnt": f"{read_rate / learnt_rate[config.torch_threads]:.1f}",
            }
        )
    print_table(lines)


if __name__ == "__main__":
    typer.run(main)
