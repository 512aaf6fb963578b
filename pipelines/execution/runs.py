"""Dagster runs started from the command line: ordinary runs, which the UI shows like its own."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from dagster._core.utils import make_new_run_id
from dagster_shared.error import DagsterError
from sqlalchemy.exc import SQLAlchemyError
from yaml import YAMLError

from degradation.errors import UserError
from degradation.recipe import TIERS
from pipelines.assets.recipe import observations
from pipelines.execution.errors import StepError
from pipelines.execution.running_commands import other_commands, own_command, register_command
from pipelines.execution.signals import children_ignore_ctrl_c
from pipelines.execution.stages import Stage
from pipelines.execution.terminal_logger import TERMINAL
from pipelines.settings import Settings, find_recipe, load_settings
from pipelines.workspace import make_folder

CLI_PROCESS_TAG = "pianograde/process"
CORPUS_TAG = "pianograde/corpus"

DAGSTER_YAML = """\
telemetry: {enabled: false}
nux: {enabled: false}
concurrency:
  pools: {default_limit: 1, granularity: op}
run_monitoring: {enabled: true, free_slots_after_run_end_seconds: 60}
"""

USER_ERRORS = ("UserError", "RecordingError", "SilenceError")
"""Names of the errors that a user can mend: Dagster reports errors by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCheck:
    """An asset check that did not pass, and whether that is an error or a warning."""

    name: str
    is_error: bool


def prepare_dagster_home(settings: Settings) -> None:
    """Create the project's Dagster home and its databases; set `DAGSTER_HOME` unless it is set.

    One process creates the databases before several open them (dagster #27390). Raises UserError
    where the folder cannot be written, or cannot be used by Dagster.
    """
    if named := os.environ.get("DAGSTER_HOME"):
        home = Path(os.path.expanduser(named))  # Dagster's daemon does not expand "~"
        if not (home.is_absolute() and home.is_dir() and os.access(home, os.W_OK)):
            raise _unusable(named, "no folder that can be written to")
    else:
        home = make_folder(settings.home.resolve() / "dagster")
        config = home / "dagster.yaml"
        if not config.exists():
            config.write_text(DAGSTER_YAML, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    try:
        with dg.DagsterInstance.get() as instance:
            instance.get_runs(limit=1)
    except (DagsterError, SQLAlchemyError, YAMLError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise _unusable(str(home), f"a folder that Dagster cannot use ({reason})") from error


def _unusable(home: str, what: str) -> UserError:
    return UserError(
        f"DAGSTER_HOME is {home}, {what}; expected the absolute path of a folder for Dagster's "
        "runs: make it, or `unset DAGSTER_HOME`, and the project's own is used"
    )


@contextmanager
def _instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    prepare_dagster_home(settings)
    with dg.DagsterInstance.get() as instance:
        yield instance


def materialise(stage: Stage, settings: Settings) -> list[FailedCheck]:
    """Run a stage in this process as a Dagster run; return the checks that did not pass.

    Raises UserError when a step fails for a reason that the user can mend, else StepError.
    """
    with _instance(settings) as instance:
        close_orphans(instance)
        command = register_command(_commands_folder(instance))
        tags = {CLI_PROCESS_TAG: command, CORPUS_TAG: settings.corpus_name}
        if stage.partitioned:
            years = settings.years()
            tags[ASSET_PARTITION_RANGE_START_TAG] = f"{TIERS[0]}|{years[0]}"
            tags[ASSET_PARTITION_RANGE_END_TAG] = f"{TIERS[-1]}|{years[-1]}"
        keys, run_id = [dg.AssetKey(list(path)) for path in stage.assets], make_new_run_id()
        job = _job_for(keys)
        try:
            with children_ignore_ctrl_c():
                result = job.execute_in_process(
                    instance=instance,
                    asset_selection=keys,
                    tags=tags,
                    run_config={"loggers": {TERMINAL: {}}},
                    raise_on_error=False,
                    run_id=run_id,
                )
        finally:  # Dagster records an interruption within a step, but none before the first step
            run = instance.get_run_by_id(run_id)
            if run and not run.is_finished:
                instance.report_run_canceled(run, "Its command was ended.")
                instance.event_log_storage.free_concurrency_slots_for_run(run_id)
        failed_checks = _failed_checks(instance, run_id)
        if not result.success:
            raise _failure(instance, run_id, failed_checks)
        return failed_checks


def observe_recipe(recipe_name: str, settings: Settings) -> None:
    """Record a recipe's version before anything is made from it, so that no change is missed."""
    events = observations(find_recipe(recipe_name))
    with _instance(settings) as instance:
        for event in events:
            instance.report_runless_asset_event(event)


def refuse_switch(settings: Settings, names: Collection[str]) -> None:
    """Raise UserError when `settings` change a field of `names` while other runs are under way.

    The steps of a run read the remembered settings when they start, and would continue with the
    new ones. From this call on, this command counts as under way itself.
    """
    with _instance(settings) as instance:
        register_command(_commands_folder(instance))
    before = load_settings()
    values = {name: (getattr(before, name), getattr(settings, name)) for name in names}
    changes = [f"{name} from {old} to {new}" for name, (old, new) in values.items() if old != new]
    if changes and (count := count_under_way(settings)):
        raise UserError(
            f"{count} commands, runs or backfills are under way, and would go on with what is "
            f"chosen here ({', '.join(changes)}); expected none: wait, end them in the UI, or set "
            "PIANOGRADE_HOME to another folder"
        )


def count_under_way(settings: Settings) -> int:
    """Return how many other commands, runs of the UI and backfills are under way.

    A command is under way between its runs, too.
    """
    with _instance(settings) as instance:
        close_orphans(instance)
        commands = other_commands(_commands_folder(instance))
        runs = instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES))
        of_ui = [run for run in runs if _command_of(run) is None]
        requested = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED])
        return len(commands) + len(of_ui) + len(instance.get_backfills(filters=requested))


def close_orphans(instance: dg.DagsterInstance) -> None:
    """Mark runs of command-line processes that no longer exist (killed, say) as failed."""
    # A process killed between creating and starting its run leaves NOT_STARTED.
    unfinished = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
        ]
    )
    folder = _commands_folder(instance)
    # In this order: a command holds its lock before it creates a run.
    runs = instance.get_runs(unfinished)
    alive = {own_command(folder), *other_commands(folder)}
    for run in runs:
        command = _command_of(run)
        if command is None or command in alive:
            continue
        now = instance.get_run_by_id(run.run_id)
        if now and not now.is_finished:  # run and process may both have ended since
            instance.report_run_failed(now, "The process that ran it is gone.")
            instance.event_log_storage.free_concurrency_slots_for_run(now.run_id)


def _commands_folder(instance: dg.DagsterInstance) -> Path:
    """Return the folder of the commands' locks, which lies beside the runs that name them."""
    return Path(instance.root_directory) / "commands"


def _command_of(run: dg.DagsterRun) -> str | None:
    """Return the name of the command that runs it; None for the UI's runs."""
    # A run that the UI executes again has its parent's tags.
    return None if run.parent_run_id else run.tags.get(CLI_PROCESS_TAG)


def _job_for(keys: list[dg.AssetKey]) -> dg.JobDefinition:
    from pipelines.definitions import defs

    job = defs.get_repository_def().get_implicit_job_def_for_assets(keys)
    if job is None:
        raise RuntimeError(f"no one job can make {keys}")
    return job


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[FailedCheck]:
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    events = [record.dagster_event for record in instance.all_logs(run_id, of_type=kind)]
    checks = [event.asset_check_evaluation_data for event in events if event]
    return [
        FailedCheck(
            name=f"{check.check_name} of {check.asset_key.to_user_string()}",
            is_error=check.severity is dg.AssetCheckSeverity.ERROR,
        )
        for check in checks
        if not check.passed
    ]


def _failure(
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
        return StepError(f"step {event.step_key} failed: {_message_of(raised.message)} ({log})")
    if failed_checks:
        names = ", ".join(check.name for check in failed_checks)
        return StepError(f"checks did not pass: {names} ({log})")
    return StepError(f"the run was ended ({log})")


def _message_of(error: str) -> str:
    """Return a formatted error in one line, without the name of its class."""
    return " ".join(error.partition(": ")[2].split())
