"""`pianograde verify` and the job `verification`, on a finished project's tables."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import pyarrow as pa
import pytest

from pipelines.corpora import find_corpus
from pipelines.settings import load_settings
from pipelines.workspace import Workspace
from storage.tables import (
    Table,
    commit,
    data_file_path,
    data_files,
    partition_of,
    read_data_file,
    write_data_file,
)


@pytest.fixture
def project(finished: Any, tmp_path: Path) -> Any:
    """A copy of the finished project, to be damaged."""
    for name in ("data", "corpora"):
        shutil.copytree(finished.home / name, tmp_path / "home" / name)
    return replace(finished, home=tmp_path / "home")


def part(project: Any, name: str, tier: str) -> Path:
    """Return the largest part of a tier of a table."""
    folder = project.home / "data" / "root" / "phase2" / name / f"tier={tier}"
    return Path(max(folder.rglob("*.parquet"), key=lambda path: path.stat().st_size))


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


def remove_a_row(project: Any) -> str:
    """Commit the largest part of the good pairs again without its first row; return its name."""
    table = pairs_of(project)
    held = [file for file in data_files(table) if file.path.startswith("tier=good")]
    first = max(held, key=lambda file: file.rows)
    rows = pa.concat_tables(read_data_file(table, first.path))
    partition = partition_of(first.path)
    path = data_file_path(table, partition, "0123456789abcdef")
    rest = [f for f in held if f != first and partition_of(f.path) == partition]
    commit(table, [*rest, write_data_file(table, path, [rows.slice(1)])], partition)
    return str(rows["sample_id"][0])


def make_again(project: Any, tier: str) -> None:
    """Commit the rows of a tier's pairs as if other code had made them, in files of other names."""
    table = pairs_of(project)
    for file in [file for file in data_files(table) if partition_of(file.path)["tier"] == tier]:
        partition = partition_of(file.path)
        path = data_file_path(table, partition, "fedcba9876543210")
        commit(table, [write_data_file(table, path, read_data_file(table, file.path))], partition)


def pairs_of(project: Any) -> Table:
    settings = load_settings(home=project.home)
    return Workspace(settings, find_corpus(settings, "root")).table("phase2", "pairs")


def faults_of(answer: Any) -> list[str]:
    return [line for line in answer.stdout.splitlines() if ": " in line and "/data/" in line]


def test_all_is_good_after_a_run(project: Any) -> None:
    answer = project.pianograde("verify", "--rows", "8")
    assert answer.returncode == 0, answer.stdout
    lines = answer.stdout.splitlines()
    assert len(lines) == 1 + 4 + 6
    assert all(line.endswith(" good") for line in lines[1:])
    assert re.search(r"phase2/pairs +\d+ +\d+ +8 ", answer.stdout)


def test_each_damage_is_told_with_its_way_out(project: Any) -> None:
    damages: list[tuple[Path, Callable[[Path], None], str]] = [
        (part(project, "pairs", "poor"), flip, "phase2/pairs of root|poor"),
        (part(project, "samples", "moderate"), halve, "phase2/samples of root|moderate"),
    ]
    for path, damage, _ in damages:
        damage(path)
    missing = part(project, "heuristics", "poor")
    missing.unlink()
    removed = remove_a_row(project)
    answer = project.pianograde("verify", "--rows", "0")
    assert answer.returncode == 1
    told = faults_of(answer)
    for path, _, asset in damages:
        [fault] = [fault for fault in told if fault.startswith(str(path))]
        assert f"delete it and materialise {asset} again in the UI" in fault
    [fault] = [fault for fault in told if fault.startswith(str(missing))]
    assert "it is missing: materialise phase2/heuristics of root|poor again" in fault
    [fault] = [fault for fault in told if removed in fault]
    assert f"1 draw missing ({removed}): materialise phase2/pairs of root|good again" in fault
    assert "or `pianograde run --corpus root --recipe phase2`" in fault


def test_what_is_stale_is_a_line_a_partition_apart_from_damage(project: Any) -> None:
    make_again(project, "poor")
    flip(part(project, "pairs", "good"))
    answer = project.pianograde("verify", "--rows", "0")
    assert answer.returncode == 1
    stale = [line for line in answer.stdout.splitlines() if line.startswith("stale: ")]
    assert [line.split(": ")[1].rsplit("/", 2)[1:] for line in stale] == [
        [name, "tier=poor"] for name in ("samples", "heuristics", "audio_features", "midi_tokens")
    ]
    assert len(faults_of(answer)) == len(stale) + 1


def test_a_corpus_that_changed_is_stale_and_says_how(project: Any) -> None:
    with (project.home / "corpora" / "root.yaml").open("a") as file:
        file.write("limit: 4\n")
    answer = project.pianograde("verify", "--rows", "0")
    [line] = faults_of(answer)
    assert line.startswith("stale: ")
    assert "performances: 1 performance no longer of the corpus (" in line


@pytest.mark.slow
def test_what_is_said_to_do_mends_the_tables(project: Any) -> None:
    path = part(project, "pairs", "poor")
    before = path.read_bytes()
    flip(path)
    remove_a_row(project)
    assert project.pianograde("verify", "--rows", "0").returncode == 1
    path.unlink()
    assert project.run(stages=4).returncode == 0
    assert path.read_bytes() == before
    answer = project.pianograde("verify", "--rows", "0")
    assert answer.returncode == 0, answer.stdout


def test_the_job_fails_with_the_faults(project: Any) -> None:
    path = part(project, "midi_tokens", "poor")
    flip(path)
    with patch.dict(os.environ, project.environment), dg.instance_for_test() as instance:
        from pipelines.definitions import build_definitions

        result = (
            build_definitions()
            .resolve_job_def("verification")
            .execute_in_process(
                instance=instance,
                run_config={"ops": {"verify_corpora": {"config": {"rows": 2}}}},
                raise_on_error=False,
            )
        )
        assert not result.success
        [failure] = [event for event in result.all_events if event.is_step_failure]
        data = failure.step_failure_data.user_failure_data
        assert data
        assert str(path) in (data.description or "")
        assert set(data.metadata) == {"root", "faults"}
