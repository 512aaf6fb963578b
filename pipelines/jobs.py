"""Jobs that make nothing: the verification of all corpora."""

import dagster as dg

from degradation.counted import counted
from pipelines.corpora import corpus_names
from pipelines.execution.runs import count_under_way
from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.settings import recipe_names
from pipelines.verification import verify
from pipelines.verified import faults_of, summary


class Sample(dg.Config):
    """The rows of each recipe's pairs that are made again and compared."""

    rows: int = 20
    seed: int = 0


@dg.op(pool="workers")
def verify_corpora(context: dg.OpExecutionContext, config: Sample, project: Project) -> None:
    """Verify every table of every corpus; fail with the faults."""
    settings, found, tables = project.settings, [], {}
    for name in corpus_names(settings):
        if count_under_way(settings, name):
            context.log.warning(f"corpus {name} is not verified: other runs on it are under way")
            continue
        verified = verify(project.workspace(name), recipe_names(), config.rows, config.seed)
        tables[name] = records_metadata(summary(verified))
        found += verified
    if faults := faults_of(found):
        shown = records_metadata([{"fault": str(fault)} for fault in faults])
        stale = sum(fault.is_stale for fault in faults)
        head = f"{counted(len(faults) - stale, 'fault')} in the tables, {stale} stale partitions"
        raise dg.Failure(
            "\n".join([head, *map(str, faults[:10])]),
            metadata={**tables, "faults": shown},
            allow_retries=False,
        )
    context.add_output_metadata(tables)


@dg.job
def verification() -> None:
    """Check files, counts and media of every corpus, and make a sample of rows again."""
    verify_corpora()


@dg.schedule(
    job=verification,
    cron_schedule="0 4 * * 0",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Verifies every corpus on Sundays at 4:00; off by default.",
)
def verification_weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Verify every corpus on Sundays at 4:00, each week with other rows made again."""
    sample = {"seed": context.scheduled_execution_time.toordinal()}
    return dg.RunRequest(run_config={"ops": {"verify_corpora": {"config": sample}}})
