"""What a run says in the terminal: how far its steps are, and how long each one took."""

import logging

import dagster as dg
import typer
from dagster._core.log_manager import get_log_record_metadata

from models.duration import describe_duration

TERMINAL = "terminal"
"""The logger's name in the configuration of a run."""

SHORTEST_SHOWN_S = 5.0
"""Steps that were done sooner are not told of."""


class TerminalHandler(logging.Handler):
    """Writes what steps report, and that they are done, to stderr; Dagster's own events are not."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line for the record, if it is worth one."""
        about = get_log_record_metadata(record)
        event = about["dagster_event"]
        if event is None and record.levelno >= logging.INFO:
            typer.echo(f"  {about['orig_message']}", err=True)
        elif event and event.is_step_success and event.step_key:
            seconds = event.step_success_data.duration_ms / 1000
            if seconds >= SHORTEST_SHOWN_S:
                step = event.step_key.replace("__", "/")
                typer.echo(f"  {step}: done in {describe_duration(seconds)}", err=True)


@dg.logger
def terminal_logger(_: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger that writes to stderr."""
    logger = logging.Logger("pianograde", level=logging.DEBUG)  # Dagster's events are at this level
    logger.addHandler(TerminalHandler())
    return logger
