"""Runs tasks on a Dask cluster, whose workers share the store with this process.

A corpus of recordings, and a store that is a folder, must lie at the same path on every machine.
"""

import gc
import logging
import platform
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from importlib.metadata import requires, version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from degradation.errors import UserError
from degradation.render import SOUNDFONT_FOLDERS, fluidsynth_version
from pipelines.execution.worker_pool import Killed

if TYPE_CHECKING:
    from distributed import Client

Key = TypeVar("Key")
Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_S = 10
WORKERS_S = 60
"""How long to wait for the scheduler, and for the first worker."""

CODE = ("degradation", "labeling", "models", "pipelines", "storage")


def run_on_cluster(
    work: Callable[[Task], Result], tasks: Iterable[tuple[Key, Task]], address: str
) -> Generator[tuple[Key, Task, Result | Killed]]:
    """Yield each task with its key and result, or how it kills its worker (see `run_tasks`).

    Dask does again what was under way on a worker that died, and blames everything that was when
    it gives up; each of those is tried again alone, so that it is known which one kills.
    """
    expected, waiting = environment(), iter(tasks)
    suspects: list[tuple[Key, Task]] = []
    with _connected(address, expected) as client:
        from distributed import Future, KilledWorker, as_completed

        pending: dict[Future[Result], tuple[Key, Task]] = {}

        def submit(task: Task) -> Future[Result]:
            key = f"{work.__name__}-{uuid.uuid4().hex}"
            return client.submit(_work, work, task, expected, key=key, pure=False)

        finished = as_completed(loop=client.loop, raise_errors=False)
        while True:
            for started in islice(waiting, max(0, 2 * len(client.nthreads()) - len(pending))):
                future = submit(started[1])
                pending[future] = started
                finished.add(future)
            if not pending:
                break
            future = next(finished)
            started = pending.pop(future)
            try:
                result = future.result()
            except KilledWorker:
                suspects.append(started)
            else:
                yield *started, result
        for started in suspects:
            try:
                yield *started, submit(started[1]).result()
            except KilledWorker as error:
                yield *started, Killed(f"died {error.allowed_failures + 1} times in the cluster")


@contextmanager
def _connected(address: str, expected: dict[str, str]) -> "Iterator[Client]":
    """Connect to a scheduler whose workers are as expected.

    Raises UserError where it does not answer, has no workers or others, or goes.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError(
            f"a Dask scheduler is set ({address}), but Dask is not installed: "
            "`pip install 'pianograde[dask]'`, or unset PIANOGRADE_DASK_SCHEDULER"
        ) from error
    # It logs a traceback of what is raised here in a line.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    unreached = ""
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        unreached = " ".join(str(error).split())
    if unreached:
        # Half a client ends its thread when it is collected. Collected by the thread that starts
        # the next client, it waits for a lock which that start holds.
        gc.collect()
        raise UserError(
            f"no Dask scheduler answers at {address} ({unreached}); expected the address that "
            "`dask scheduler` prints, such as tcp://host:8786: start it, or unset "
            "PIANOGRADE_DASK_SCHEDULER"
        )
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKERS_S)
        except TimeoutError as error:
            raise UserError(
                f"the Dask scheduler at {address} has no worker after {WORKERS_S} s: start some "
                f"with `dask worker {address} --nthreads 1`"
            ) from error
        try:
            for worker, found in client.run(_differences, expected, on_error="return").items():
                if found and not isinstance(found, OSError):  # a worker that died is no other
                    raise UserError(_refusal(worker, str(found)))
            yield client
        except (CancelledError, OSError) as error:
            if client.status == "running":  # an error of a task
                raise
            raise UserError(
                f"the Dask scheduler at {address} is gone; finished parts are kept: start it and "
                "run again"
            ) from error


def _work(work: Callable[[Task], Result], task: Task, expected: dict[str, str]) -> Result:
    """Do a task in a worker, which may have joined after the others were compared."""
    if found := _differences(expected):
        raise UserError(_refusal(platform.node(), found))
    return work(task)


def _refusal(worker: str, found: str) -> str:
    return (
        f"the Dask worker {worker} would not make the same bytes: {found}; install the same "
        "version there, and start workers with `--nthreads 1`"
    )


def _differences(expected: dict[str, str]) -> str:
    """Return how this process differs from what is expected, in words; empty where it does not."""
    from distributed import get_worker

    try:
        threads = get_worker().state.nthreads
    except ValueError:  # outside a task
        threads = 1
    own = {**environment(), "threads": str(threads)}
    wanted = {**expected, "threads": "1"}
    return ", ".join(
        f"{name} is {own.get(name, 'missing')}, expected {wanted.get(name, 'none')}"
        for name in sorted(own | wanted)
        if own.get(name) != wanted.get(name)
    )


@cache
def environment() -> dict[str, str]:
    """Return what rows follow from besides their task: code, versions and soundfonts."""
    project = Path(__file__).resolve().parents[2]
    code = sha256()
    for path in sorted(path for name in CODE for path in (project / name).rglob("*.py")):
        code.update(f"{path.relative_to(project)}\n".encode() + path.read_bytes())
    fonts = [path for folder in SOUNDFONT_FOLDERS for path in folder.glob("*.sf[23]")]
    return {
        "the project's code": code.hexdigest()[:12],
        "Python": platform.python_version(),
        "FluidSynth": fluidsynth_version(),
        **{font.name: f"{font.stat().st_size} bytes" for font in fonts},
        **{name: version(name) for name in _packages()},
    }


def _packages() -> list[str]:
    """Return the packages that the project needs, and those that bring tasks to workers."""
    needed = [line for line in requires("pianograde") or [] if "extra ==" not in line]
    return [*needed, "cloudpickle", "dask", "distributed"]
