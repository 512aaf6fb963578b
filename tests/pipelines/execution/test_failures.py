"""Why a run failed, as its command says it."""

import dagster as dg
import pytest

from pipelines.execution.failures import find_failed_checks, find_failure
from pipelines.execution.terminal_logger import TERMINAL, terminal_logger


@dg.asset
def pairs() -> None:
    """Stand for an asset whose check fails."""


@dg.asset(deps=[pairs])
def samples() -> None:
    """Stand for what follows from it."""


@dg.asset_check(asset=pairs, blocking=True)
def audio_follows_midi() -> dg.AssetCheckResult:
    """Fail, and say why."""
    return dg.AssetCheckResult(passed=False, description="demo|poor: 9 of 16 rows lag")


def test_a_blocking_check_is_named_with_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    defs = dg.Definitions(
        assets=[pairs, samples],
        asset_checks=[audio_follows_midi],
        jobs=[dg.define_asset_job("all")],
        loggers={TERMINAL: terminal_logger},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        run = defs.resolve_job_def("all").execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {TERMINAL: {}}},
        )
        assert not run.success
        failed = find_failed_checks(instance, run.run_id)
        reason = str(find_failure(instance, run.run_id, failed))
    assert reason.startswith(
        "checks did not pass: audio_follows_midi of pairs (demo|poor: 9 of 16 rows lag) (run "
    )
    assert capsys.readouterr().err == ""
