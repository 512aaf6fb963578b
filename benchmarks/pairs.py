"""How fast pairs are made, part by part, against FluidSynth alone: `pianograde bench`.

Seconds are those of processors, so that a machine that is busy with other work changes little.
"""

import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from joblib import cpu_count

from degradation.recipe import TIERS, Recipe
from degradation.render import Instrument, warm_synthesiser
from models.config.experiment import ExperimentConfig
from pipelines.assets.pairs import pairs_step
from pipelines.corpora import Corpus
from pipelines.partitions import TierYear
from pipelines.settings import load_settings
from pipelines.workspace import Workspace
from storage.corpus import choose, read_index
from storage.demo_corpus import write_demo_corpus
from storage.pairs import PairsTask, write_pairs
from storage.performances import plan_performances, write_performances
from storage.replay import replay
from storage.segments import write_segments
from storage.tables import commit, read_data_file

ROUNDS = 3
PERFORMANCES = 30
"""Of a MAESTRO root; the demo corpus has as many."""

PARTS = {
    "damage": ("damage_notes",),
    "render": ("load_or_render",),
    "sound": ("damage_sound", "level_dbfs"),
    "encode": ("encode_flac", "write_midi"),
    "measure": ("measure_damage",),
}
"""The parts of a pair, as the functions that `storage.pairs` calls; the rest of it is `write`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """Seconds a pair: of each part, and merely rendered; and this process's peak memory."""

    pairs: int
    part_s: dict[str, float]
    render_s: float
    peak_mib: float

    @property
    def pair_s(self) -> float:
        """Seconds a pair takes in all."""
        return sum(self.part_s.values())

    @property
    def ratio(self) -> float:
        """How many times as long a pair takes as its rendering alone."""
        return self.pair_s / self.render_s


@contextmanager
def small_corpus(maestro: Path | None) -> Iterator[Workspace]:
    """Yield the tables of the demo corpus, or of a few performances of a MAESTRO root."""
    with tempfile.TemporaryDirectory(prefix="pianograde-bench-") as folder:
        settings = load_settings().model_copy(update={"home": Path(folder), "store": None})
        workspace = Workspace(settings, Corpus(name="bench", maestro=maestro))
        if maestro is None:
            write_demo_corpus(workspace.root)
        performances, quarantine, segments = map(
            workspace.corpus_table, ("performances", "quarantine", "segments")
        )
        config = settings.corpus_config()
        entries = choose(read_index(workspace.root).entries, PERFORMANCES, config.split_shares)
        planned = plan_performances(
            performances, quarantine, workspace.root, entries, config.duration_tolerance_s
        )
        commit(performances, [write_performances(task)[0] for task in planned])
        commit(segments, [write_segments(segments, performances, config)[0]])
        yield workspace


def bench_pairs(recipe: Recipe, workspace: Workspace, pairs: int) -> BenchResult:
    """Make some pairs of each tier in this process, then render the same notes alone.

    The two are timed in turn, three rounds, and the sums are compared. The mix of tiers is the
    recipe's own.
    """
    tasks = _tasks(recipe, workspace, pairs)
    played = [
        (Instrument.model_validate_json(row["instrument"]), replay(row).degraded)
        for task in tasks
        for group in read_data_file(task.table, _make_again(task))
        for row in group.to_pylist()
    ]
    part_s: dict[str, float] = defaultdict(float)
    render_s = 0.0
    for _ in range(ROUNDS):
        with _timed_parts(part_s):
            begun_s = time.process_time()
            for task in tasks:
                _make_again(task)
            part_s["write"] += time.process_time() - begun_s
        begun_s = time.process_time()
        for instrument, performance in played:
            warm_synthesiser(instrument).render(performance)
        render_s += time.process_time() - begun_s
    part_s["write"] -= sum(part_s[part] for part in PARTS)
    done = ROUNDS * len(played)
    return BenchResult(
        pairs=len(played),
        part_s={part: part_s[part] / done for part in (*PARTS, "write")},
        render_s=render_s / done,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def as_lines(results: dict[str, BenchResult]) -> Iterator[str]:
    """Yield a table of results by recipe, a column each."""
    columns = list(results.values())

    def line(name: str, values: list[str]) -> str:
        return f"{name:24}" + "".join(f"{value:>12}" for value in values)

    yield line("", list(results))
    yield line("pairs", [f"{r.pairs}" for r in columns])
    yield line("pairs a second and core", [f"{1 / r.pair_s:.1f}" for r in columns])
    yield line("bare FluidSynth", [f"{1 / r.render_s:.1f}" for r in columns])
    yield line("ratio", [f"{r.ratio:.2f}" for r in columns])
    yield line("ms a pair", [f"{1000 * r.pair_s:.1f}" for r in columns])
    for part in columns[0].part_s:
        shares = [f"{1000 * r.part_s[part]:.1f} {r.part_s[part] / r.pair_s:4.0%}" for r in columns]
        yield line(f"  {part}", shares)
    yield line("peak memory, MiB", [f"{r.peak_mib:.0f}" for r in columns])


def bench_training(config: ExperimentConfig) -> dict[int, float]:
    """Return samples a second of the last experiment's training, by torch's threads.

    Those are 1, 2, 4 and so on, up to the cores that this process may use.
    """
    from benchmarks.part_costs import training_rates  # torch has no part in the memory of pairs

    cores = cpu_count()
    counts = [*(2**n for n in range(cores.bit_length()) if 2**n < cores), cores]
    return training_rates(config.experiments[-1], config, counts)


def _tasks(recipe: Recipe, workspace: Workspace, pairs: int) -> list[PairsTask]:
    step = pairs_step(recipe, workspace)
    tasks = []
    for tier in TIERS:
        wanted = max(1, round(pairs * recipe.tier_shares[tier]))
        for year in workspace.years():
            for planned in step.plan(TierYear(year=year, tier=tier)):
                few = planned.draws[:wanted]
                wanted -= len(few)
                if few:
                    tasks.append(replace(planned, draws=few))
    return tasks


def _make_again(task: PairsTask) -> str:
    """Make a task's pairs, made before or not; return the data file's path."""
    for table, path in zip((task.table, task.quarantine), task.paths, strict=True):
        (Path(table.url) / path).unlink(missing_ok=True)
    return write_pairs(task)[0].path


@contextmanager
def _timed_parts(part_s: dict[str, float]) -> Iterator[None]:
    """Add the seconds that each of `PARTS` takes in the block."""

    def timed(part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timing(*args: Any) -> Any:
            begun_s = time.process_time()
            made = work(*args)
            part_s[part] += time.process_time() - begun_s
            return made

        return timing

    from storage import pairs

    with ExitStack() as patches:
        for part, names in PARTS.items():
            for name in names:
                patches.enter_context(patch.object(pairs, name, timed(part, getattr(pairs, name))))
        yield
