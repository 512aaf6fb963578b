"""Dagster runs started from the command line: ordinary runs, which the UI shows like its own."""

import logging
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import yaml
from sqlalchemy.exc import SQLAlchemyError

from degradation.errors import UserError
from pipelines.assets.recipe import changed_tiers
from pipelines.corpora import Corpus, corpus_file, corpus_names, write_corpus
from pipelines.execution.failures import (
    FailedCheck,
    find_failed_checks,
    find_failure,
    was_interrupted,
)
from pipelines.execution.running_commands import (
    commands_folder,
    other_commands,
    own_command,
    register_command,
)
from pipelines.execution.signals import children_ignore_ctrl_c
from pipelines.execution.stages import Stage
from pipelines.execution.terminal_logger import TERMINAL
from pipelines.execution.ui_origin import runs_belong_to_the_ui
from pipelines.partitions import CORPORA_NAME, RANGE_END_TAG, RANGE_START_TAG, all_tiers_tags
from pipelines.settings import Settings, find_recipe, make_folder

# The list of runs shows no tags of Dagster's own prefixes.
CLI_PROCESS_TAG = ".dagster/pianograde_process"
HOST_TAG = "dagster/pianograde_host"
CORPUS_TAG = "pianograde/corpus"

IN_PROGRESS = [dg.DagsterRunStatus[one] for one in ("STARTING", "STARTED", "CANCELING")]

# Pools limit whole runs: a slot is free as soon as its run has ended, however that was.
DAGSTER_YAML = """\
telemetry: {enabled: false}
nux: {enabled: false}
concurrency:
  pools: {default_limit: 1, granularity: run}
run_monitoring: {enabled: true}
freshness: {enabled: true}
run_retries: {enabled: true, max_retries: 1, retry_on_asset_or_op_failure: false}
retention:
  sensor: {purge_after_days: {skipped: 1, failure: 30, success: 7}}
  schedule: {purge_after_days: 30}
  auto_materialize: {purge_after_days: {skipped: 1, failure: 30, success: 7}}
"""


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
    # A command that is ended tells so in a line; a connection that closes then adds a traceback.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    try:
        with dg.DagsterInstance.get() as instance:
            instance.get_runs(limit=1)
    except (dg.DagsterError, SQLAlchemyError, yaml.YAMLError, OSError) as error:
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
    try:
        with dg.DagsterInstance.get() as instance:
            yield instance
    except SQLAlchemyError as error:
        reason = " ".join(str(error).split("[SQL")[0].split())[:200]
        raise UserError(
            f"Dagster's records in {os.environ['DAGSTER_HOME']} cannot be read or written "
            f"({reason}); expected room on the disk and a database that answers: see to it, and "
            "give the command again"
        ) from error


@contextmanager
def existing_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open Dagster's records; where nothing was ever recorded, empty ones that are not kept."""
    if "DAGSTER_HOME" in os.environ or (settings.home / "dagster" / "dagster.yaml").exists():
        with _instance(settings) as instance:
            yield instance
    else:
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance


def materialise(stage: Stage, settings: Settings, corpus: Corpus) -> list[FailedCheck]:
    """Run a stage for a corpus in this process as a Dagster run; return the checks that failed.

    Raises UserError when a step fails for a reason that the user can mend, else StepError.
    """
    name = corpus.name
    with _instance(settings) as instance:
        if not corpus_file(settings, name).exists():
            write_corpus(settings, corpus)  # the demo's, which is built in
        _partition_by(instance, corpus_names(settings))
        close_orphans(instance)
        command = register_command(commands_folder(instance.root_directory, name))
        tags = {
            CLI_PROCESS_TAG: command,
            HOST_TAG: socket.gethostname(),
            CORPUS_TAG: name,
            "dagster/max_retries": "0",  # who killed a command did not ask the daemon to go on
        }
        if stage.tiers:
            tags |= all_tiers_tags(name)
        keys, run_id = [dg.AssetKey(list(path)) for path in stage.assets], str(uuid.uuid4())
        job = _find_job(stage.job)
        try:
            with children_ignore_ctrl_c(), runs_belong_to_the_ui(instance, stage.job):
                result = job.execute_in_process(
                    instance=instance,
                    partition_key=None if stage.tiers else name,
                    asset_selection=keys,
                    tags=tags,
                    run_config={"loggers": {TERMINAL: {}}, "ops": stage.config},
                    raise_on_error=False,
                    run_id=run_id,
                )
        finally:  # Dagster records an interruption before the first step nowhere, in one as failure
            run = instance.get_run_by_id(run_id)
            if run and (not run.is_finished or was_interrupted(instance, run_id)):
                instance.report_run_canceled(run, "Its command was ended.")
        failed_checks = find_failed_checks(instance, run_id)
        if not result.success:
            raise find_failure(instance, run_id, failed_checks)
        return failed_checks


def prepare_corpora(settings: Settings) -> None:
    """Make Dagster's partitions those corpora that have a file."""
    with _instance(settings) as instance:
        _partition_by(instance, corpus_names(settings))


def _partition_by(instance: dg.DagsterInstance, names: list[str]) -> None:
    instance.add_dynamic_partitions(CORPORA_NAME, names)
    for gone in set(instance.get_dynamic_partitions(CORPORA_NAME)) - set(names):
        instance.delete_dynamic_partition(CORPORA_NAME, gone)


def prepare_ui(settings: Settings) -> Path:
    """Prepare Dagster for the UI and return its home: every corpus is a partition.

    Runs that an earlier `pianograde ui` left behind (a power cut, say) are marked as failed, unless
    another one is running on this Dagster home, or may be, where machines share their history.
    """
    with _instance(settings) as instance:
        _partition_by(instance, corpus_names(settings))
        close_orphans(instance)
        home = Path(instance.root_directory)
        if other_commands(home / "ui") or _is_shared(home):
            return home
        for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS)):
            if _command_of(run) is None:
                instance.report_run_failed(run, "The UI that ran it is gone.")
        return home


def record_recipe(recipe_name: str, settings: Settings) -> None:
    """Record a recipe's version before anything is made from it, so that no change is missed."""
    recipe = find_recipe(recipe_name)
    with _instance(settings) as instance:
        for event in changed_tiers(instance, recipe):
            instance.report_runless_asset_event(event)


def refuse_switch(settings: Settings, before: Corpus, after: Corpus) -> None:
    """Raise UserError when a corpus would change while other runs on it are under way.

    The steps of a run read the corpus's file when they start, and would continue with what it says
    then. From this call on, this command counts as under way itself.
    """
    with _instance(settings) as instance:
        register_command(commands_folder(instance.root_directory, after.name))
    old, new = before.model_dump(), after.model_dump()
    changes = [f"{name} from {old[name]} to {new[name]}" for name in new if old[name] != new[name]]
    if changes:
        refuse_while_under_way(
            settings,
            after.name,
            f"would go on with what is chosen here ({', '.join(changes)})",
            instead=", or add the corpus under another name: `pianograde corpus add`",
        )


def refuse_while_under_way(
    settings: Settings, corpus: str, they: str, *, instead: str = ""
) -> None:
    """Raise UserError when other commands or runs on a corpus are under way; `they` says why."""
    if count := count_under_way(settings, corpus):
        raise UserError(
            f"other commands or runs on corpus {corpus} are under way ({count}), and {they}; "
            f"expected none: wait, or end them in the UI{instead}"
        )


def count_under_way(settings: Settings, corpus: str) -> int:
    """Return how many other commands, and runs of the UI or other machines, are under way.

    A command is under way between its runs, too.
    """
    with _instance(settings) as instance:
        close_orphans(instance)
        commands = other_commands(commands_folder(instance.root_directory, corpus))
        elsewhere = [
            run
            for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS))
            if not _is_ours(run) and corpus in _corpora_of(run)
        ]
        return len(commands) + len(elsewhere)


def close_orphans(instance: dg.DagsterInstance) -> int:
    """Mark runs of this machine's commands that no longer exist (killed, say) as failed.

    Returns how many.
    """
    closed = 0
    # A process killed between creating and starting its run leaves NOT_STARTED.
    unfinished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.NOT_STARTED, *IN_PROGRESS],
        tags={HOST_TAG: socket.gethostname()},
    )
    # In this order: a command holds its lock before it creates a run.
    runs = instance.get_runs(unfinished)
    folders = list((Path(instance.root_directory) / "commands").glob("*/"))
    alive = {name for folder in folders for name in (own_command(folder), *other_commands(folder))}
    for run in runs:
        command = _command_of(run)
        if command is None or command in alive:
            continue
        now = instance.get_run_by_id(run.run_id)
        if now and not now.is_finished:  # run and process may both have ended since
            instance.report_run_failed(now, "The process that ran it is gone.")
            closed += 1
    return closed


def _corpora_of(run: dg.DagsterRun) -> set[str]:
    """Return the corpora of a run's partitions."""
    tags = (RANGE_START_TAG, RANGE_END_TAG, "dagster/partition")
    return {run.tags[tag].partition("|")[0] for tag in tags if tag in run.tags}


def _command_of(run: dg.DagsterRun) -> str | None:
    """Return the name of the command that runs it; None for the UI's runs."""
    # A run that the UI executes again has its parent's tags.
    return None if run.parent_run_id else run.tags.get(CLI_PROCESS_TAG)


def _is_ours(run: dg.DagsterRun) -> bool:
    """Return whether a command of this machine runs it."""
    return _command_of(run) is not None and run.tags.get(HOST_TAG) == socket.gethostname()


def _is_shared(dagster_home: Path) -> bool:
    """Return whether Dagster's history lies in a database that other machines may use."""
    config = dagster_home / "dagster.yaml"
    return config.exists() and "storage" in (yaml.safe_load(config.read_text("utf-8")) or {})


def _find_job(name: str) -> dg.JobDefinition:
    from pipelines.definitions import defs

    return defs.resolve_job_def(name)
