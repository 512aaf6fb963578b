"""Why a run failed, in one line for who started it."""

import builtins
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from degradation.errors import UserError
from pipelines.execution.errors import StepError
from pipelines.settings import PROJECT

USER_ERRORS = ("UserError", "RecordingError", "SilenceError")
"""Names of the errors that a user can mend: Dagster reports errors by name."""

FRAME = re.compile(r'File "([^"]+)", line (\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCheck:
    """An asset check that did not pass, whether that is an error or a warning, and why."""

    name: str
    is_error: bool
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.why})" if self.why else self.name


def find_failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[FailedCheck]:
    """Return the asset checks of a run that did not pass."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    events = [record.dagster_event for record in instance.all_logs(run_id, of_type=kind)]
    failed = [
        FailedCheck(
            name=f"{check.check_name} of {check.asset_key.to_user_string()}",
            is_error=check.severity is dg.AssetCheckSeverity.ERROR,
            why=check.description or "",
        )
        for check in (event.asset_check_evaluation_data for event in events if event)
        if not check.passed
    ]
    return list(dict.fromkeys(failed))  # one of each partition is recorded


def was_interrupted(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Return whether a step of a run failed because its process was told to end."""
    failures = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    errors = [
        record.dagster_event.step_failure_data.error for record in failures if record.dagster_event
    ]
    return any(error.cls_name == "DagsterExecutionInterruptedError" for error in errors if error)


def find_failure(
    instance: dg.DagsterInstance, run_id: str, failed_checks: list[FailedCheck]
) -> Exception:
    """Return why a run failed: a user's error as it is, others with a pointer to the log."""
    log = f"run {run_id}; `make ui` shows its log"
    for record in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = record.dagster_event
        error = event.step_failure_data.error if event else None
        if event is None or error is None:
            continue
        # Dagster wraps the exception of a step, which may itself have a cause.
        chain = [error]
        while chain[-1].cause is not None:
            chain.append(chain[-1].cause)
        for link in chain:
            if link.cls_name in USER_ERRORS:
                return UserError(_message_of(link.message))
        raised = chain[1] if len(chain) > 1 else error
        if raised.cls_name == "DagsterAssetCheckFailedError":  # it names no check
            continue
        # An error of a worker process has the text of its traceback as its cause.
        place = _place("".join([*link.stack, link.message]) for link in reversed(chain))
        what = f"step {event.step_key} failed{place}: {_message_of(raised.message)}"
        bug = f"; {raised.cls_name}, a bug of pianograde" if _is_bug(raised.cls_name or "") else ""
        return StepError(f"{what}{bug} ({log})")
    if failed_checks:
        errors = [check for check in failed_checks if check.is_error]
        names = "; ".join(map(str, errors or failed_checks))
        return StepError(f"checks did not pass: {names} ({log})")
    return StepError(f"the run was ended ({log})")


def _place(texts: Iterable[str]) -> str:
    """Return the last line of our own code in the first of these tracebacks that has one."""
    for text in texts:
        for path, line in reversed(FRAME.findall(text)):
            if Path(path).is_relative_to(PROJECT) and "site-packages" not in path:
                return f" at {Path(path).relative_to(PROJECT)}:{line}"
    return ""


def _is_bug(name: str) -> bool:
    """Whether an error is Python's own, and not the operating system's or a lack of memory."""
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and not issubclass(kind, (OSError, MemoryError))


def _message_of(error: str) -> str:
    """Return a formatted error in one line, without the name of its class."""
    return " ".join(error.partition(": ")[2].split())
