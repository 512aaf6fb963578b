"""Ends a command soon after Ctrl-C, SIGTERM or a closed terminal, and says how to resume.

Files appear whole or not at all, so nothing needs to be waited for: worker processes are killed,
and the command has `CLEANUP_LIMIT_S` to clean up before the process exits.
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

CLEANUP_LIMIT_S = 3.0
"""Cleanup may take this long; training epochs and queries are not waited for."""

RESUME_HINT = "finished parts are kept: give the same command again to go on"


class _Watch:
    """A thread that learns of a signal through a pipe, even while the main thread runs C code."""

    def __init__(self, resume_hint: str) -> None:
        self._hint = f"; {resume_hint}" if resume_hint else ""
        self._reported = threading.Lock()
        self._stderr = os.dup(2)  # Dagster redirects 2 to a file while a step runs
        self.signal: signal.Signals | None = None
        self.done = threading.Event()
        self._reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        number = -1
        while number not in (0, *ENDING):  # 0: the command ended without a signal
            number = os.read(self._reader, 1)[0]
        self.signal = signal.Signals(number) if number else None
        self.done.set()
        if self.signal:
            signal.pthread_kill(threading.main_thread().ident or 0, WAKE)
            for child in multiprocessing.active_children():
                child.kill()
            threading.Event().wait(CLEANUP_LIMIT_S)
            for children in Path("/proc/self/task").glob("*/children"):  # Dagster's log tails
                with suppress(OSError):
                    for pid in children.read_text().split():
                        os.kill(int(pid), signal.SIGTERM)
            self.report()
            os._exit(128 + self.signal)

    def report(self) -> None:
        """Write once, as the last line, which signal ended the command."""
        if self.signal and self._reported.acquire(blocking=False):
            line = f"pianograde: ended by {self.signal.name}{self._hint}\n"
            os.write(self._stderr, line.encode())


@contextmanager
def exit_on_signal(resume_hint: str) -> Iterator[None]:
    """Let a signal end the block, its workers and this process, with exit code 128 + its number.

    The main thread gets KeyboardInterrupt. Signals that are already ignored (by nohup, say) stay
    ignored. Outside the main thread this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    caught = [number for number in ENDING if before[number] is not signal.SIG_IGN]
    watch = _Watch(resume_hint)
    wake_before = signal.signal(WAKE, lambda *_: None)
    wakeup_before = signal.set_wakeup_fd(watch.writer, warn_on_full_buffer=False)
    for number in caught:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in caught:  # a second Ctrl-C must not interrupt the cleanup
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(wakeup_before)
        os.write(watch.writer, b"\0")  # read after the signals that came before
        watch.done.wait()
        if watch.signal:
            watch.report()
            atexit._run_exitfuncs()  # exit here: freeing torch and Dagster would take seconds
            os._exit(128 + watch.signal)
        signal.signal(WAKE, wake_before)
        for number in caught:
            signal.signal(number, before[number])


@contextmanager
def children_ignore_ctrl_c() -> Iterator[None]:
    """Block SIGINT in processes started here; a terminal sends it to the whole process group.

    Their parent ends them, without a traceback each.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
