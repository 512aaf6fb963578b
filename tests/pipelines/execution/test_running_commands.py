"""A command counts as there from its first word to its end, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.execution.running_commands import other_commands, own_command, register_command

FORK = """
import os, sys, time
from pathlib import Path
from pipelines.execution.running_commands import register_command
name = register_command(Path(sys.argv[1]))
child = os.fork()
if child:
    print(name, child, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_another_command_is_there_until_it_is_killed(
    tmp_path: Path, other_command: Any, end: signal.Signals
) -> None:
    name, process = other_command(tmp_path)
    assert other_commands(tmp_path) == {name}
    process.send_signal(end)
    process.wait()
    assert other_commands(tmp_path) == set()
    assert list(tmp_path.iterdir()) == []


def test_a_command_is_no_other_than_itself_and_keeps_its_name(
    tmp_path: Path, other_command: Any
) -> None:
    name = register_command(tmp_path)
    assert register_command(tmp_path) == own_command(tmp_path) == name
    assert other_commands(tmp_path) == set()
    assert [path.stem for path in tmp_path.iterdir()] == [name]
    second, _ = other_command(tmp_path)
    assert second != name
    assert other_commands(tmp_path) == {second}


def test_what_a_command_forked_does_not_keep_it_alive(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FORK, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    name, child = process.stdout.readline().split()
    try:
        assert other_commands(tmp_path) == {name}
        process.kill()
        process.wait()
        assert other_commands(tmp_path) == set()
    finally:
        os.kill(int(child), signal.SIGKILL)
        process.stdout.close()


def test_where_no_command_was_there_is_none(tmp_path: Path) -> None:
    assert other_commands(tmp_path / "none") == set()
    assert own_command(tmp_path / "none") == ""
