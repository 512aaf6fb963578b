import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from degradation.errors import UserError
from pipelines.execution import worker_pool
from pipelines.execution.engine import Engine, run_tasks
from pipelines.execution.worker_pool import describe_end


def square(number: int) -> int:
    return number * number


def die_once(marker: Path) -> str:
    """Kill this worker the first time it is called with `marker`."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return marker.name


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def complain(number: int) -> int:
    if number == 3:
        raise UserError("three is not wanted")
    time.sleep(0.05)
    return number


def threads(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def test_every_task_is_done_once_and_keeps_its_key() -> None:
    done = list(run_tasks(square, ((str(n), n) for n in range(20)), Engine(workers=2)))
    assert sorted(done, key=lambda d: d[1]) == [(str(n), n, n * n) for n in range(20)]


def test_tasks_are_taken_as_needed() -> None:
    taken: list[int] = []

    def tasks() -> object:
        for number in range(100):
            taken.append(number)
            yield None, number

    results = run_tasks(square, tasks(), Engine(workers=1))  # type: ignore[arg-type]
    next(results)
    assert len(taken) <= 4
    results.close()  # type: ignore[attr-defined]


def test_a_worker_that_dies_is_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    markers = [tmp_path / name for name in "abcd"]
    for marker in markers[1:]:
        marker.touch()
    done = [
        result
        for _, _, result in run_tasks(die_once, ((None, m) for m in markers), Engine(workers=2))
    ]
    assert sorted(done) == ["a", "b", "c", "d"]


def pid(_: int) -> int:
    return os.getpid()


def test_a_worker_that_dies_between_tasks_loses_none() -> None:
    """The pool is found broken when the next task is handed to it, not when a result is fetched."""
    results = run_tasks(pid, ((None, n) for n in range(12)), Engine(workers=1))
    done = [next(results)]
    os.kill(done[0][2], signal.SIGKILL)
    time.sleep(1)
    done += results
    assert sorted(task for _, task, _ in done) == list(range(12))


ORPHANS = """
import sys, time
from pipelines.execution import worker_pool
from pipelines.execution.engine import Engine, run_tasks
from tests_engine_tasks import slow_pid
for _, _, pid in run_tasks(slow_pid, ((None, n) for n in range(1000)), Engine(workers=2)):
    print(pid, flush=True)
"""
SLOW = "import os, time\ndef slow_pid(_):\n    time.sleep(0.2)\n    return os.getpid()\n"


def runs(process: int) -> bool:
    """Return whether a process runs: one that ended stays as a zombie where none waits for it."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "tests_engine_tasks.py").write_text(SLOW)
    (tmp_path / "main.py").write_text(
        "if __name__ == '__main__':\n" + textwrap.indent(ORPHANS, "    ")
    )
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "main.py")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    workers = {int(parent.stdout.readline()) for _ in range(8)}
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 120
    while any(runs(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.2)


def leave(code: int) -> None:
    os._exit(code)


def test_a_run_of_tasks_that_kill_their_workers_ends_in_one_line_that_says_how() -> None:
    with pytest.raises(UserError, match=r"3 \(its worker exited with code 3.*PIANOGRADE_WORKERS=1"):
        list(run_tasks(leave, [(None, 3)], Engine(workers=2)))


def die_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number


def test_a_task_that_always_kills_its_worker_is_replaced_and_the_rest_is_done() -> None:
    def instead(task: int, reason: str) -> str:
        return f"{task}: {reason}"

    tasks = ((None, number) for number in range(8))
    done = {result for *_, result in run_tasks(die_at_three, tasks, Engine(workers=2), instead)}
    reason = "3: its worker process was ended by signal 9 (SIGKILL) each time"
    assert done == {0, 1, 2, reason, 4, 5, 6, 7}


def test_a_task_that_always_kills_its_worker_is_named_when_the_rest_is_done() -> None:
    done: list[int] = []
    results = run_tasks(die_at_three, ((None, number) for number in range(8)), Engine(workers=2))
    with pytest.raises(UserError, match=r"tasks that always kill their worker process: 3 \("):
        done.extend(result for *_, result in results)
    assert sorted(done) == [0, 1, 2, 4, 5, 6, 7]


def test_where_every_task_kills_its_worker_the_run_ends() -> None:
    taken: list[int] = []
    tasks = ((None, taken.append(number) or number) for number in range(1000))  # type: ignore[func-returns-value]
    with pytest.raises(UserError, match=r"died on each of 3 tasks.*SIGKILL.*PIANOGRADE_WORKERS=1"):
        list(run_tasks(die, tasks, Engine(workers=2), lambda task, reason: None))
    assert len(taken) <= 8


def pids(engine: Engine) -> set[int]:
    return {process for *_, process in run_tasks(pid, [(None, 1)], engine)}


def test_workers_are_kept_for_the_next_step_but_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine(workers=1)
    [first] = pids(engine)
    assert pids(engine) == {first}
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://another")
    monkeypatch.setattr(worker_pool, "KEPT_S", 0.2)
    [other] = pids(engine)  # workers have the environment of their step
    assert other != first
    deadline = time.monotonic() + 20
    while runs(first) or runs(other):
        assert time.monotonic() < deadline, "idle workers are still there"
        time.sleep(0.1)


def test_workers_that_hold_much_memory_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "MOST_KEPT_BYTES", 1 << 20)
    assert pids(Engine(workers=1)) != pids(Engine(workers=1))


def test_the_one_that_broke_the_pool_is_told_not_those_that_it_ended() -> None:
    assert describe_end([-signal.SIGTERM, 3, None]) == "exited with code 3"
    assert describe_end([-signal.SIGTERM]) == "was ended by signal 15 (SIGTERM)"
    assert describe_end([-40]) == "was ended by signal 40 (unknown)"


def test_an_error_in_a_task_ends_the_run_with_that_error() -> None:
    with pytest.raises(UserError, match="three is not wanted"):
        list(run_tasks(complain, ((None, n) for n in range(50)), Engine(workers=2)))


def test_a_worker_is_one_core() -> None:
    assert {result for _, _, result in run_tasks(threads, [(None, 1)], Engine(workers=1))} == {"1"}
