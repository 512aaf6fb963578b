"""What a step costs: time, processor time and memory, its worker processes included."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

SAMPLE_EVERY_S = 1.0


@dataclass(slots=True, kw_only=True)
class Cost:
    """What was spent; `peak_bytes` is the most memory that all processes held at once.

    Work of a Dask cluster is not in it.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0

    def metadata(self, share: float = 1.0) -> dict[str, float]:
        """Return the figures as the UI plots them: of a share of the work, but all the memory."""
        return {
            "seconds": round(self.seconds * share, 2),
            "CPU seconds": round(self.cpu_seconds * share, 2),
            "peak memory, MB": round(self.peak_bytes / 1e6),
        }


@contextmanager
def measure() -> Iterator[Cost]:
    """Measure a block; its cost is known when the block has ended."""
    cost, ended = Cost(), threading.Event()

    def sample() -> None:
        while True:
            cost.peak_bytes = max(cost.peak_bytes, int(_sum(_resident_bytes)))
            if ended.wait(SAMPLE_EVERY_S):
                return

    start_s, start_cpu_s = time.monotonic(), _sum(_cpu_seconds)
    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield cost
    finally:
        cost.seconds = time.monotonic() - start_s
        cost.cpu_seconds = _sum(_cpu_seconds) - start_cpu_s
        ended.set()
        sampler.join()


def _cpu_seconds(process: psutil.Process) -> float:
    """Return the time of a process and of its children that have ended."""
    return float(sum(process.cpu_times()[:4]))


def _resident_bytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss)


def _sum(figure: Callable[[psutil.Process], float]) -> float:
    """Return the sum of a figure over this process and all below it."""
    own, found = psutil.Process(), 0.0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):  # it may end meanwhile
            found += figure(process)
    return found
