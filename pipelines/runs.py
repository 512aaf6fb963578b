"""Dagster runs started from the command line: ordinary runs, which the UI shows like its own."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from degradation.errors import UserError
from degradation.recipe import TIERS
from pipelines.assets.recipe import observations
from pipelines.settings import Settings, find_recipe

CLI_PROCESS_TAG = "pianograde/process"
CORPUS_TAG = "pianograde/corpus"

DAGSTER_YAML = """\
telemetry: {enabled: false}
nux: {enabled: false}
concurrency:
  pools: {default_limit: 1, granularity: op}
"""


class StepError(Exception):
    """A run failed, and not for anything that its person did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Assets that one run materialises, over all partitions or without any."""

    title: str
    assets: tuple[tuple[str, ...], ...]
    partitioned: bool


def stages(recipe_name: str, experiments: Sequence[str]) -> list[Stage]:
    """Return the whole graph of a recipe, in the runs that Dagster can do it in."""

    def of_recipe(*names: str) -> tuple[tuple[str, ...], ...]:
        return tuple((recipe_name, name) for name in names)

    return [
        Stage(title="corpus", assets=(("corpus",), ("segments",)), partitioned=False),
        Stage(
            title="shards",
            assets=of_recipe("pairs", "heuristics", "samples", "audio_features", "midi_tokens"),
            partitioned=True,
        ),
        Stage(
            title="models and reports",
            assets=of_recipe("label_quality", "listening_page", *experiments, "evaluation"),
            partitioned=False,
        ),
    ]


def prepare_dagster_home(settings: Settings) -> None:
    """Set `DAGSTER_HOME`, unless it is set, to the project's own; make it and its databases.

    The databases are made by one process before several open them (dagster #27390).
    """
    if "DAGSTER_HOME" not in os.environ:
        home = settings.home.resolve() / "dagster"
        home.mkdir(parents=True, exist_ok=True)
        config = home / "dagster.yaml"
        if not config.exists():
            config.write_text(DAGSTER_YAML, encoding="utf-8")
        os.environ["DAGSTER_HOME"] = str(home)
    with dg.DagsterInstance.get() as instance:
        instance.get_runs(limit=1)


def materialise(stage: Stage, settings: Settings) -> None:
    """Run a stage in this process as a Dagster run.

    Raises UserError when a step fails for a reason that a person can mend, else StepError.
    """
    prepare_dagster_home(settings)
    with dg.DagsterInstance.get() as instance:
        close_orphans(instance)
        keys = [dg.AssetKey(list(path)) for path in stage.assets]
        tags = {CLI_PROCESS_TAG: str(os.getpid()), CORPUS_TAG: settings.corpus_name}
        if stage.partitioned:
            years = settings.years()
            tags[ASSET_PARTITION_RANGE_START_TAG] = f"{TIERS[0]}|{years[0]}"
            tags[ASSET_PARTITION_RANGE_END_TAG] = f"{TIERS[-1]}|{years[-1]}"
        result = _job_for(keys).execute_in_process(
            instance=instance,
            asset_selection=keys,
            tags=tags,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
        if not result.success:
            raise _failure(instance, result.run_id)


def observe_recipe(recipe_name: str, settings: Settings) -> None:
    """Record a recipe's version before anything is made from it, so that no change is missed."""
    prepare_dagster_home(settings)
    events = observations(find_recipe(recipe_name))
    with dg.DagsterInstance.get() as instance:
        for event in events:
            instance.report_runless_asset_event(event)


def close_orphans(instance: dg.DagsterInstance) -> None:
    """Mark runs of command-line processes that are gone (killed, say) as failed."""
    unfinished = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
    for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)):
        process = run.tags.get(CLI_PROCESS_TAG)
        if process and not _alive(int(process)):
            instance.report_run_failed(run, "The process that ran it is gone.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _job_for(keys: list[dg.AssetKey]) -> dg.JobDefinition:
    from pipelines.definitions import defs

    repository = defs.get_repository_def()
    job = repository.get_implicit_job_def_for_assets(keys)
    if job is None:
        raise RuntimeError(f"no one job can make {keys}")
    return job


def _failure(instance: dg.DagsterInstance, run_id: str) -> Exception:
    """Return why a run failed: a person's error as it stands, others with where to look."""
    log = f"run {run_id}; `make ui` shows its log"
    for record in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = record.dagster_event
        error = event.step_failure_data.error if event else None
        if event is None or error is None:
            continue
        # Dagster wraps what a step raised, and a worker process adds its traceback as a cause.
        while error.cause is not None and error.cause.cls_name != "_RemoteTraceback":
            error = error.cause
        _, _, message = error.message.strip().partition(": ")
        if error.cls_name == "UserError":
            return UserError(message)
        return StepError(f"step {event.step_key} failed: {error.message.strip()} ({log})")
    return StepError(f"a check failed or the run was ended ({log})")
