"""How fast pairs are made, against FluidSynth alone, and how fast models learn, by threads."""

import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from joblib import cpu_count

from degradation.recipe import TIERS, Recipe
from degradation.render import Instrument, warm_synthesiser
from models.config.experiment import ExperimentConfig
from pipelines.assets.pairs import pairs_step
from pipelines.partitions import TierYear
from pipelines.workspace import Workspace
from storage.pairs import PairsTask, write_pairs
from storage.replay import replay
from storage.tables import Table, read_data_file

ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """Seconds a pair, made whole and merely rendered; and this process's peak memory."""

    pairs: int
    pair_s: float
    render_s: float
    peak_mib: float

    @property
    def ratio(self) -> float:
        """How many times as long a pair takes as its rendering alone."""
        return self.pair_s / self.render_s


def bench_pairs(recipe: Recipe, workspace: Workspace, pairs: int) -> BenchResult:
    """Make some pairs of each tier in this process, then render the same notes alone.

    The two are timed in turn, three rounds; the sums are compared, so that a machine that
    slows down slows both. The mix of tiers is the recipe's own.
    """
    with _scratch() as folder:
        tasks = _tasks(recipe, workspace, pairs, folder)
        degraded = []
        for task in tasks:
            for group in read_data_file(task.table, write_pairs(task)[0].path):
                degraded += [
                    (
                        Instrument.model_validate_json(row["instrument"]),
                        replay(row, task.origin.root).degraded,
                    )
                    for row in group.to_pylist()
                ]
        pair_s = render_s = 0.0
        for _ in range(ROUNDS):
            for task in tasks:
                shutil.rmtree(folder / "pairs")
                shutil.rmtree(folder / "quarantine")
                started = time.perf_counter()
                write_pairs(task)
                pair_s += time.perf_counter() - started
            started = time.perf_counter()
            for instrument, performance in degraded:
                warm_synthesiser(instrument).render(performance)
            render_s += time.perf_counter() - started
    done = ROUNDS * len(degraded)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return BenchResult(
        pairs=len(degraded),
        pair_s=pair_s / done,
        render_s=render_s / done,
        peak_mib=peak_kib / 1024,
    )


def bench_training(config: ExperimentConfig) -> dict[int, float]:
    """Return samples a second of the last experiment's training, by torch's threads.

    Those are 1, 2, 4 and so on, up to the cores that this process may use.
    """
    from benchmarks.part_costs import training_rates  # torch has no part in the memory of pairs

    cores = cpu_count()
    counts = [*(2**n for n in range(cores.bit_length()) if 2**n < cores), cores]
    return training_rates(config.experiments[-1], config, counts)


def _tasks(recipe: Recipe, workspace: Workspace, pairs: int, folder: Path) -> list[PairsTask]:
    step = pairs_step(recipe, workspace)
    tasks = []
    for tier in TIERS:
        wanted = max(1, round(pairs * recipe.tier_shares[tier]))
        for year in workspace.years():
            for planned in step.plan(TierYear(year=year, tier=tier)):
                few = planned.draws[:wanted]
                wanted -= len(few)
                if few:
                    tasks.append(
                        replace(
                            planned,
                            table=_moved(planned.table, folder / "pairs"),
                            quarantine=_moved(planned.quarantine, folder / "quarantine"),
                            draws=few,
                        )
                    )
    return tasks


def _moved(table: Table, folder: Path) -> Table:
    return Table(url=str(folder), schema=table.schema, partition_by=table.partition_by)


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pianograde-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
