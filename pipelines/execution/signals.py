"""What Ctrl-C, SIGTERM and a closed terminal do to a command: it ends soon, and says how to go on.

What is made appears whole or not at all, so nothing need be waited for: worker processes are
killed, and the command has `END_WITHIN_S` to tidy up before it is ended where it stands.
"""

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

WAKE = signal.SIGURG
"""Wakes the main thread where it waits while `children_ignore_ctrl_c` blocks SIGINT."""

KNOWN = (0, *ENDING)
"""What the watching thread reads: a signal, or that the command ended without any."""

END_WITHIN_S = 3.0
"""Half a minute of a training's epoch or of a query is not waited for."""

KEPT = "finished parts are kept: give the same command again to go on"


class _Watch:
    """Reads from a pipe which signal came, even while the main thread is deep in C code."""

    def __init__(self, way_on: str) -> None:
        self._way_on = f"; {way_on}" if way_on else ""
        self._told = threading.Lock()
        self._stderr = os.dup(2)  # Dagster turns 2 to a file while a step runs
        self.signal: signal.Signals | None = None
        self.known = threading.Event()
        self._reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        number = -1
        while number not in KNOWN:
            number = os.read(self._reader, 1)[0]
        self.signal = signal.Signals(number) if number else None
        self.known.set()
        if self.signal:
            signal.pthread_kill(threading.main_thread().ident or 0, WAKE)
            for child in multiprocessing.active_children():
                child.kill()
            threading.Event().wait(END_WITHIN_S)
            for children in Path("/proc/self/task").glob("*/children"):  # Dagster's, of its logs
                with suppress(OSError):
                    for pid in children.read_text().split():
                        os.kill(int(pid), signal.SIGTERM)
            self.tell()
            os._exit(128 + self.signal)

    def tell(self) -> None:
        """Say once, as the last line, what ended the command."""
        if self.signal and self._told.acquire(blocking=False):
            line = f"pianograde: ended by {self.signal.name}{self._way_on}\n"
            os.write(self._stderr, line.encode())


@contextmanager
def exit_on_signal(way_on: str) -> Iterator[None]:
    """Let a signal end the block, its workers and this process, with exit code 128 + its number.

    The main thread gets KeyboardInterrupt, or what Dagster makes of it. Signals that are ignored
    already (by nohup, say) stay so. Elsewhere than in the main thread nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    heard = [number for number in ENDING if before[number] is not signal.SIG_IGN]
    watch = _Watch(way_on)
    wake_before = signal.signal(WAKE, lambda *_: None)
    wakeup_before = signal.set_wakeup_fd(watch.writer, warn_on_full_buffer=False)
    for number in heard:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in heard:  # a second Ctrl-C can't break into the end
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(wakeup_before)
        os.write(watch.writer, b"\0")  # read after the signals that came before
        watch.known.wait()
        if watch.signal:
            watch.tell()
            atexit._run_exitfuncs()  # and no more: to free torch and Dagster takes seconds
            os._exit(128 + watch.signal)  # in place of what it raised
        signal.signal(WAKE, wake_before)
        for number in heard:
            signal.signal(number, before[number])


@contextmanager
def children_ignore_ctrl_c() -> Iterator[None]:
    """Let processes that are started here not hear Ctrl-C, which a terminal sends to all at once.

    Theirs is to be ended by their parent, without a traceback each.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
