"""A step goes on where a task kills its worker."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.assets import pairs
from pipelines.workspace import open_workspace
from storage.pairs import PairsTask, write_pairs
from storage.tables import DataFile, read_table
from tests.pipelines.conftest import poor_files


def write_pairs_but_of_2021(task: PairsTask) -> tuple[DataFile, DataFile]:
    if task.year == 2021:
        os.kill(os.getpid(), signal.SIGKILL)
    return write_pairs(task)


def test_draws_that_always_kill_their_worker_are_in_quarantine_and_tried_again_by_the_next_run(
    finished: Any, make_poor: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(pairs, "write_pairs", write_pairs_but_of_2021)
        home = make_poor("pairs")  # its checks count draws, and pass
    whole = {path: digest for path, digest in poor_files(finished.home).items() if "/pairs" in path}
    assert {path: d for path, d in poor_files(home).items() if "killed" not in path} == {
        path: digest for path, digest in whole.items() if "year=2022" in path
    }
    left_out = open_workspace("root").table("phase2", "pairs_quarantine")
    rows = read_table(left_out).to_table().to_pylist()
    assert {(row["tier"], row["year"]) for row in rows} == {("poor", 2021)}
    reason = "its worker process was ended by signal 9 (SIGKILL) each time"
    assert {row["reason"] for row in rows} == {reason}
    make_poor("pairs")
    assert read_table(left_out).count_rows() == 0
    assert whole.items() <= poor_files(home).items()
