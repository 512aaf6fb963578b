"""How far a long step is: lines in the run's log."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from models.duration import describe_duration

LOG_EVERY_S = 10.0


class Progress:
    """Counts units of work towards `total`; a context manager."""

    def __init__(self, what: str, total: int, unit: str, log: Callable[[str], None]) -> None:
        self._what, self._total, self._unit, self._log = what, total, unit, log
        self._done = 0
        self._started = self._logged = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def advance(self, count: int) -> None:
        """Count `count` more units as done."""
        self._done += count
        now = time.monotonic()
        if self._done and now - self._logged >= LOG_EVERY_S:
            self._logged = now
            rate = self._done / (now - self._started)
            left_s = (self._total - self._done) / rate
            self._log(
                f"{self._what}: {self._done:,} of {self._total:,} {self._unit}s "
                f"({self._done / max(self._total, 1):.0%}), {rate:.1f} a second, "
                f"{describe_duration(left_s)} left"
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            seconds = time.monotonic() - self._started
            self._log(f"{self._what}: {self._done:,} {self._unit}s in {describe_duration(seconds)}")
