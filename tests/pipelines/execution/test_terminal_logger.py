"""What a real run writes to the terminal."""

import re

import dagster as dg
import pytest

import pipelines.execution.terminal_logger as terminal_log
from pipelines.execution.terminal_logger import TERMINAL, terminal_logger


@dg.op
def phase2__pairs(context: dg.OpExecutionContext) -> None:
    context.log.info("pairs: 3 of 4 rows")
    context.log.debug("how the rows are made")


@dg.op
def breaks(context: dg.OpExecutionContext) -> None:
    raise ValueError("told elsewhere")


def lines_of(op: dg.OpDefinition, capsys: pytest.CaptureFixture[str]) -> list[str]:
    job = dg.GraphDefinition(name="job", node_defs=[op]).to_job(
        logger_defs={TERMINAL: terminal_logger}
    )
    job.execute_in_process(run_config={"loggers": {TERMINAL: {}}}, raise_on_error=False)
    written = capsys.readouterr()
    assert not written.out
    return written.err.splitlines()


def test_reports_are_written_and_dagsters_own_events_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert lines_of(phase2__pairs, capsys) == ["  pairs: 3 of 4 rows"]


def test_a_step_that_took_long_is_told_when_it_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal_log, "SHORTEST_SHOWN_S", 0.0)
    _, done = lines_of(phase2__pairs, capsys)
    assert re.fullmatch(r"  phase2/pairs: done in \d+ s", done)


def test_a_step_that_broke_is_left_to_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of(breaks, capsys) == []
