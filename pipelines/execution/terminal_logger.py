"""The Dagster logger of command-line runs: what steps report, and how long they took."""

import logging

import dagster as dg
import typer

from models.duration import describe_duration

TERMINAL = "terminal"
"""The logger's name in the configuration of a run."""

SHORTEST_SHOWN_S = 5.0
"""The end of a shorter step is not reported."""


class TerminalHandler(logging.Handler):
    """Writes the messages of steps and the end of long steps to standard error, nothing else."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line for the record, if it deserves one."""
        metadata = record.__dict__["dagster_meta"]
        event = metadata["dagster_event"]
        if event is None and record.levelno >= logging.INFO:
            if metadata["orig_message"].startswith("Dependencies for step"):
                return  # a line for each step behind one that failed, of which the command tells
            typer.echo(f"  {metadata['orig_message']}", err=True)
        elif event and event.is_step_success and event.step_key:
            seconds = event.step_success_data.duration_ms / 1000
            if seconds >= SHORTEST_SHOWN_S:
                step = event.step_key.replace("__", "/")
                typer.echo(f"  {step}: done in {describe_duration(seconds)}", err=True)


@dg.logger
def terminal_logger(_: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger that writes to standard error."""
    logger = logging.Logger("pianograde", level=logging.DEBUG)  # Dagster's events are at this level
    logger.addHandler(TerminalHandler())
    return logger
