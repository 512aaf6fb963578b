import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import yaml
from playwright.sync_api import Browser, sync_playwright
from typer.testing import CliRunner

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance, sort_notes
from pipelines.cli import app
from pipelines.execution import stages as graph
from pipelines.settings import CONFIGS
from storage.demo_corpus import CSV_NAME, write_demo_corpus

COMMAND = [sys.executable, "-m", "pipelines.cli"]

UNTIL_SHARDS = [
    sys.executable,
    "-c",
    "from pipelines.cli import app; from pipelines.execution import stages as graph; "
    "whole = graph.stages; graph.stages = lambda *chosen: whole(*chosen)[:2]; app()",
]
"""The same, but `run` ends with the shards."""

HOLD = """
import sys
from pathlib import Path
from pipelines.execution.running_commands import register_command
print(register_command(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


# One browser a module, not a session: while it is open, playwright keeps an event loop running
# in this thread, and any test that calls asyncio.run would fail.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.skip(f"no browser is installed: none of {', '.join(names)} is on the PATH")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=executable, headless=True, args=CHROMIUM_FLAGS, timeout=180_000
        )
        try:
            yield launched
        finally:
            launched.close()


@pytest.fixture
def clean() -> Performance:
    """Eight notes of a scale from C4, four a second, with the pedal down in the middle."""
    pitches = (60, 62, 64, 65, 67, 69, 71, 72)
    notes = np.array(
        [(n, 0.25 * n, 0.25 * n + 0.2, pitch, 40 + 10 * n) for n, pitch in enumerate(pitches)],
        dtype=NOTE_DTYPE,
    )
    pedal = np.array([(0.5, SUSTAIN, 127), (1.0, SUSTAIN, 40), (1.5, SUSTAIN, 0)], PEDAL_DTYPE)
    return Performance(notes=notes, pedal=pedal, duration_s=2.0)


@pytest.fixture
def degraded(clean: Performance) -> Performance:
    """The scale with note 2 missed, note 4 a semitone high, note 5 30 ms late and one extra."""
    notes = clean.notes.copy()
    notes["pitch"][4] += 1
    notes["onset_s"][5] += 0.03
    extra = np.array([(100, 1.6, 1.7, 80, 127)], dtype=NOTE_DTYPE)
    notes = sort_notes(np.concatenate([np.delete(notes, 2), extra]))
    return Performance(notes=notes, pedal=clean.pedal.copy(), duration_s=2.0)


@pytest.fixture
def other_command() -> Iterator[Callable[[Path], tuple[str, subprocess.Popen[str]]]]:
    """Return a starter of processes that count as commands in a folder; it gives their names."""
    started = []

    def start(folder: Path) -> tuple[str, subprocess.Popen[str]]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip(), process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project of its own: a home, a small MAESTRO root, and the command line on them."""

    home: Path
    root: Path
    experiment: Path

    @property
    def environment(self) -> dict[str, str]:
        ours = {"PIANOGRADE_HOME": str(self.home), "PIANOGRADE_WORKERS": "2"}
        ours["PIANOGRADE_TRANSCRIPTION_ROWS"] = "2"
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("PIANOGRADE", "DAGSTER"))
        }
        return inherited | ours

    @property
    def run_arguments(self) -> list[str]:
        return ["run", "--maestro", str(self.root), "--experiment", str(self.experiment)]

    def pianograde(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in this process, which has imported Dagster and torch already."""
        # The graph is built when it is imported: its partitions are the years of one corpus.
        sys.modules.pop("pipelines.definitions", None)
        with patch.dict(os.environ, self.environment | more, clear=True):
            answer = CliRunner().invoke(app, arguments)
        if answer.exception and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        return subprocess.CompletedProcess(
            arguments, answer.exit_code, answer.stdout, answer.stderr
        )

    def run(self, *options: str, stages: int = 5, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the first stages in this process: corpus, shards, detector, features, models."""
        whole = graph.stages
        with patch.object(graph, "stages", lambda *chosen: whole(*chosen)[:stages]):
            return self.pianograde(*self.run_arguments, *options, **more)

    def process(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a process of its own."""
        return subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=3600,
            check=False,
        )

    def start(self, *arguments: str, until_shards: bool = False) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*(UNTIL_SHARDS if until_shards else COMMAND), *arguments],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def query(self, sql: str, **more: str) -> list[dict[str, str]]:
        answer = self.pianograde("query", "--format", "csv", sql, **more)
        assert answer.returncode == 0, answer.stderr
        return list(csv.DictReader(io.StringIO(answer.stdout)))


@pytest.fixture(scope="session")
def demo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "root"
    write_demo_corpus(root)
    return root


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory, demo_root: Path) -> Callable[[], Project]:
    """Return a maker of projects on five of the demo corpus's performances, over two years."""
    config = yaml.safe_load((CONFIGS / "experiments" / "demo.yaml").read_text())
    config["experiments"] = ["audio_only", "midi_only", "gated"]
    config["hearing"] |= {"epochs": 1, "clips_per_epoch": 24, "validation_clips": 2}
    config["training"] |= {"epochs": 1}
    config["pretraining"] |= {"epochs": 1}

    def make() -> Project:
        folder = tmp_path_factory.mktemp("project")
        root = folder / "root"
        shutil.copytree(demo_root, root)
        table = pd.read_csv(root / CSV_NAME, keep_default_na=False)
        pieces = table.sort_values("duration").drop_duplicates(["canonical_title"])
        few = pd.concat(
            [
                pieces[pieces["split"] == "train"].head(3),
                pieces[pieces["split"] == "validation"].head(1),
                pieces[pieces["split"] == "test"].head(1),
            ]
        )
        few.assign(year=[2021, 2022, 2021, 2022, 2021]).to_csv(root / CSV_NAME, index=False)
        experiment = folder / "tiny.yaml"
        experiment.write_text(yaml.safe_dump(config))
        return Project(home=folder / "home", root=root, experiment=experiment)

    return make


@pytest.fixture(scope="session")
def few_rows(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the recipe phase2 alone, which damages each segment once."""
    folder = tmp_path_factory.mktemp("recipes")
    recipe = (CONFIGS / "recipes" / "phase2.yaml").read_text()
    (folder / "phase2.yaml").write_text(recipe.replace("draws: 4", "draws: 1"))
    return str(folder)


@pytest.fixture(scope="session")
def finished(new_project: Callable[[], Project]) -> Project:
    """A project whose whole graph was run once, in a process, without any interruption."""
    project = new_project()
    answer = project.process(*project.run_arguments)
    assert answer.returncode == 0, answer.stderr
    return project


@pytest.fixture
def make_poor(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Return a maker of tier `poor` of the finished project's corpus in a home of its own.

    `make_poor("pairs", …)` makes these tables in a run and returns the home.
    """
    detector = "outputs/root/phase2/models/tiny/audio_pretrain"
    for name in ("corpora", "data/root/performances", "data/root/segments", detector):
        shutil.copytree(finished.home / name, tmp_path / name)
    for name, value in finished.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path))

    def make(*names: str) -> Path:
        import dagster as dg

        from pipelines.definitions import defs

        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions("corpora", ["root"])
            defs.resolve_job_def("phase2_tables").execute_in_process(
                partition_key="root|poor",
                asset_selection=[dg.AssetKey(["phase2", name]) for name in names],
                instance=instance,
            )
        return tmp_path

    return make


def poor_files(home: Path) -> dict[str, str]:
    """Return the digest of each data file of tier `poor` of a home's tables."""
    files = home.glob("data/root/phase2/*/tier=poor/**/*.parquet")
    return {str(f.relative_to(home)): sha256(f.read_bytes()).hexdigest() for f in files}
