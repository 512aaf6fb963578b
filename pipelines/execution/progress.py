"""Progress of a long step as lines in the run's log.

Lines and not a bar of `rich`: the run's log in the UI and a terminal show the same, and Dagster
redirects standard error while a step runs, so that a step cannot see whether it is a terminal.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from models.duration import describe_duration

LOG_EVERY_S = 10.0


@contextmanager
def log_progress(
    what: str, total: int, unit: str, log: Callable[[str], None]
) -> Iterator[Callable[[int], None]]:
    """Yield a function that counts units as done; log every 10 s, and once at the end."""
    started = logged = time.monotonic()
    done = 0

    def advance(count: int) -> None:
        nonlocal done, logged
        done += count
        now = time.monotonic()
        if done and now - logged >= LOG_EVERY_S:
            logged = now
            rate = done / (now - started)
            log(
                f"{what}: {done:,} of {total:,} {unit}s ({done / max(total, 1):.0%}), "
                f"{rate:.1f} a second, {describe_duration((total - done) / rate)} left"
            )

    yield advance
    log(f"{what}: {done:,} {unit}s in {describe_duration(time.monotonic() - started)}")
