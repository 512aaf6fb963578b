"""The Dagster UI and, on the next port, the reports and pages that it links to."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from degradation.errors import UserError
from pipelines.settings import PROJECT, Settings

HOST = "127.0.0.1"
CLEANUP_LIMIT_S = 2.5

SUPERSEDED = "ignore:Function `dev_command` is superseded"
"""`dg dev` is another package, and wants another layout."""


class QuietFiles(SimpleHTTPRequestHandler):
    """Serves files without logging each request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def serve(settings: Settings) -> int:
    """Serve until the UI ends or is interrupted; return its exit code.

    Raises UserError when the port for reports is taken.
    """
    outputs = settings.home / "outputs"
    outputs.mkdir(parents=True, exist_ok=True)
    try:
        reports = ThreadingHTTPServer(
            (HOST, settings.port + 1), partial(QuietFiles, directory=str(outputs))
        )
    except OSError as error:
        raise UserError(
            f"port {settings.port + 1} for the reports is not free ({error.strerror}); choose "
            "another pair: `pianograde ui --port 4000`"
        ) from error
    threading.Thread(target=reports.serve_forever, daemon=True).start()
    command = [sys.executable, "-m", "dagster", "dev"]
    command += ["--workspace", str(PROJECT / "workspace.yaml")]
    quiet = [*os.environ.get("PYTHONWARNINGS", "").split(","), SUPERSEDED]
    # A session of its own: only we signal it, and its remaining processes are killed as a group.
    dagster = subprocess.Popen(
        [*command, "--host", HOST, "--port", str(settings.port)],
        env=os.environ | {"PYTHONWARNINGS": ",".join(quiet)},
        start_new_session=True,
    )
    try:
        return dagster.wait()
    finally:
        _end(dagster)
        reports.shutdown()


def _end(dagster: "subprocess.Popen[bytes]") -> None:
    """Ask Dagster to end, then kill its remaining processes."""
    dagster.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        dagster.wait(CLEANUP_LIMIT_S)
    with suppress(ProcessLookupError):
        os.killpg(dagster.pid, signal.SIGKILL)
    dagster.wait()
