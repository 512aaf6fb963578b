"""What a signal does to a command: an end within five seconds, one last line, and nothing left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from pipelines.execution.signals import RESUME_HINT, exit_on_signal

WITHIN_S = 5.0

TASKS = """
import time
def slow(_):
    print("part", flush=True)
    time.sleep(60)
"""
WORKERS = """
from pipelines.execution.engine import Engine, run_tasks
from slow_tasks import slow
list(run_tasks(slow, ((None, n) for n in range(9)), Engine(workers=2)))
"""
CAUGHT = """
print("part", flush=True)
while True:  # deaf as a library may be that catches what it should not
    try:
        time.sleep(60)
    except BaseException:
        pass
"""
WAITING = """
print("part", flush=True)
with children_ignore_ctrl_c():
    threading.Lock().acquire()
    threading.Event().wait()
"""
SWALLOWED = """
import sys
print("part", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit(1)  # as Lightning does
"""
HEAD = """
import threading, time
from pipelines.execution.signals import children_ignore_ctrl_c, exit_on_signal
if __name__ == "__main__":
    with exit_on_signal("go on so"):
"""


def living(session: int) -> list[str]:
    """Return the processes of a session that have not ended, and don't within a second.

    That of multiprocessing's resources ends when it sees that its parent has.
    """
    left: list[str] = []
    for _ in range(10):
        found = subprocess.run(
            ["ps", "-o", "pid=,stat=,args=", "-s", str(session)],
            capture_output=True,
            text=True,
            check=False,
        )
        left = [line for line in found.stdout.splitlines() if line.split()[1][0] not in "ZX"]
        if not left:
            break
        time.sleep(0.1)
    return left


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    started = []

    def begin(body: str) -> "subprocess.Popen[str]":
        (tmp_path / "slow_tasks.py").write_text(TASKS)
        script = tmp_path / "main.py"
        script.write_text(HEAD + "\n".join(f"        {line}" for line in body.splitlines()))
        process = subprocess.Popen(
            [sys.executable, str(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "part\n"
        return process

    yield begin
    for process in started:
        if living(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize(
    ("number", "body"),
    [
        (signal.SIGINT, WORKERS),
        (signal.SIGINT, CAUGHT),
        (signal.SIGINT, WAITING),
        (signal.SIGINT, SWALLOWED),
        (signal.SIGTERM, WORKERS),
        (signal.SIGTERM, SWALLOWED),
        (signal.SIGHUP, WAITING),
    ],
)
def test_a_signal_ends_all_and_says_how_to_go_on(
    number: signal.Signals, body: str, start: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    process = start(body)
    begun = time.monotonic()
    if number is signal.SIGINT:  # a terminal tells all of them, and people press twice
        os.killpg(process.pid, number)
        time.sleep(0.2)
        if process.poll() is None:
            os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert time.monotonic() - begun < WITHIN_S
    assert process.returncode == 128 + number
    assert told.splitlines()[-1] == f"pianograde: ended by {number.name}; go on so"
    assert "Traceback" not in told
    assert living(process.pid) == []


def test_ctrl_c_before_a_command_began_is_one_line() -> None:
    body = "import pipelines, signal; signal.raise_signal(signal.SIGINT)"
    ended = subprocess.run(
        [sys.executable, "-c", body], capture_output=True, text=True, check=False
    )
    assert ended.returncode == -signal.SIGINT  # 130 in a shell
    assert ended.stderr == "pianograde: ended by SIGINT\n"


def test_a_block_that_ends_by_itself_leaves_signals_as_they_were() -> None:
    before = [signal.getsignal(number) for number in signal.Signals]
    with pytest.raises(ValueError, match="its own"), exit_on_signal(""):
        raise ValueError("its own")
    assert [signal.getsignal(number) for number in signal.Signals] == before


@pytest.mark.slow
def test_a_run_is_ended_while_parts_are_made_and_goes_on(
    new_project: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = new_project()
    made: list[dict[Path, int]] = [{}]
    for _ in range(2):
        process = project.start(*project.run_arguments, until_shards=True)
        parts: dict[Path, int] = made[-1]
        while len(parts) <= len(made[-1]):
            assert process.poll() is None
            time.sleep(0.05)
            parts = dict.fromkeys(project.home.glob("data/*/phase2/pairs/**/*.parquet"), 0)
        begun = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert time.monotonic() - begun < WITHIN_S
        assert process.returncode == 130
        assert told.splitlines()[-1].endswith(RESUME_HINT)
        assert "Traceback" not in told
        assert living(process.pid) == []
        made.append({path: path.stat().st_mtime_ns for path in parts})
    assert made[1].items() < made[2].items()  # none was made again
    monkeypatch.setenv("DAGSTER_HOME", str(project.home / "dagster"))
    with dg.DagsterInstance.get() as instance:
        ended = [run.status for run in instance.get_runs(dg.RunsFilter(job_name="phase2_tables"))]
        assert ended == [dg.DagsterRunStatus.CANCELED] * 2


@pytest.mark.slow
def test_a_training_is_ended_at_an_epoch_and_goes_on(new_project: Callable[[], Any]) -> None:
    """Lightning catches both signals by itself, and would end with code 1 and no word."""
    project = new_project()
    content = yaml.safe_load(project.experiment.read_text())
    content["pretraining"] |= {"epochs": 100_000}
    project.experiment.write_text(yaml.safe_dump(content))
    for awaited, number in (
        ("epoch 1/", signal.SIGINT),
        ("goes on after epoch ", signal.SIGTERM),
    ):
        process = project.start("pretrain", *project.run_arguments[1:])
        assert process.stderr is not None
        assert any(awaited in line for line in process.stderr)
        begun = time.monotonic()
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
        assert time.monotonic() - begun < WITHIN_S
        assert process.returncode == 128 + number
        assert told.splitlines()[-1] == f"pianograde: ended by {number.name}; {RESUME_HINT}"
        assert "Traceback" not in told
    assert list(project.home.rglob("midi_pretrain/resume.pt"))
    assert not list(project.home.rglob("midi_pretrain/history.json"))  # as a finished one has
