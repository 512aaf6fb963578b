"""Why a run failed, as its command says it."""

import inspect
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import dagster as dg
import pytest

from pipelines.execution.failures import find_failed_checks, find_failure
from pipelines.execution.terminal_logger import TERMINAL, terminal_logger
from tests.pipelines.execution.numbers_of_words import as_numbers


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


@dg.asset
def broken() -> None:
    """Stand for an asset whose code has a mistake, in a worker process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(as_numbers, "two words").result()


@dg.asset
def full() -> None:
    """Stand for an asset that finds the disk full."""
    raise OSError(28, "No space left on device")


def why_failed(asset: dg.AssetsDefinition) -> str:
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([asset], instance=instance, raise_on_error=False)
        return str(find_failure(instance, run.run_id, []))


def test_an_error_of_our_own_is_told_with_its_place_and_as_a_bug() -> None:
    line = inspect.getsourcelines(as_numbers)[1] + 2
    assert why_failed(broken).startswith(
        f"step broken failed at tests/pipelines/execution/numbers_of_words.py:{line}: invalid "
        "literal for int() with base 10: 'two'; ValueError, a bug of pianograde (run "
    )


def test_an_error_of_the_machine_is_no_bug() -> None:
    reason = why_failed(full)
    assert reason.startswith("step full failed at tests/pipelines/execution/test_failures.py:")
    assert "No space left on device (run " in reason


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
