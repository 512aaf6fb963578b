"""The Dagster UI and, on the next port, the reports and pages that it links to."""

import signal
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any

from degradation.errors import UserError
from pipelines.settings import PROJECT, Settings

HOST = "127.0.0.1"
END_WITHIN_S = 15


class QuietFiles(SimpleHTTPRequestHandler):
    """Serves files without a line of log for each."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


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
    dagster = subprocess.Popen([*command, "--host", HOST, "--port", str(settings.port)])

    def end(_: int, __: FrameType | None) -> None:
        dagster.send_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, end)
    try:
        return dagster.wait()
    except KeyboardInterrupt:  # Ctrl-C reaches Dagster too
        try:
            return dagster.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            dagster.kill()
            return dagster.wait()
    finally:
        reports.shutdown()
