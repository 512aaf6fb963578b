"""Telling a team of a run that failed, by a command of its own."""

import json
import subprocess
from collections.abc import Mapping

from degradation.errors import UserError

LIMIT_S = 30


def send_alert(command: str, told: Mapping[str, str]) -> None:
    """Run a shell command with what is told as a line of JSON on its standard input.

    Raises UserError where it fails, or has not ended after `LIMIT_S`.
    """
    try:
        done = subprocess.run(
            command,
            shell=True,
            input=json.dumps(told) + "\n",
            text=True,
            capture_output=True,
            timeout=LIMIT_S,
        )
        problem = f"ended with exit code {done.returncode}: {done.stderr.strip()[-200:]}"
        failed = done.returncode != 0
    except subprocess.TimeoutExpired:
        problem, failed = f"had not ended after {LIMIT_S} s", True
    if failed:
        raise UserError(
            f"PIANOGRADE_ALERT ({command}) {' '.join(problem.split())}; expected 0: try it with "
            "`echo '{}' |` before it"
        )
