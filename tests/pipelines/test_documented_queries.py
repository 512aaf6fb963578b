"""What the documentation asks of the tables is asked of the finished project."""

import csv
import io
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from labeling.scores import DIMENSIONS
from pipelines.workspace import open_workspace
from storage.tables import commit, data_file_path, read_table, write_data_file

PROJECT = Path(__file__).parents[2]
COOKBOOK = (PROJECT / "docs" / "cookbook.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^## (\d+\. .*?)\n.*?```sql\n(.*?)```", COOKBOOK, re.MULTILINE | re.DOTALL)
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
LINES = [
    line
    for page in PAGES
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
    if re.match(r"pianograde (query|versions|diff) ", line) and "--corpus" not in line
]


@pytest.fixture(scope="module")
def home(finished: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished project's tables, and recipe `factored`: one family of invented severities."""
    home: Path = tmp_path_factory.mktemp("documented") / "home"
    for name in ("corpora", "data"):
        shutil.copytree(finished.home / name, home / name)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in finished.environment.items():
            patched.setenv(name, value)
        patched.setenv("PIANOGRADE_HOME", str(home))
        workspace = open_workspace(None)
    rows = read_table(workspace.table("phase2", "samples"), tier="poor").to_table().to_pylist()[:6]
    for severity, row in enumerate(rows):
        row |= {f"severity_{name}": float(severity) for name in DIMENSIONS}
        row |= {"family": "one", "varied_severity_jnd": float(severity), "duplicate_of": None}
        row["varied"] = "pedal_technique" if severity else "nothing"
    table = workspace.table("factored", "samples")
    folder = {"tier": "poor", "year": str(rows[0]["year"])}
    invented = pa.Table.from_pylist(rows, table.schema)
    commit(table, [write_data_file(table, data_file_path(table, folder, "one"), [invented])])
    return home


def test_the_cookbook_has_twelve_questions() -> None:
    assert [title.split(".")[0] for title, _ in QUESTIONS] == [str(n) for n in range(1, 13)]


@pytest.mark.parametrize("sql", [pytest.param(sql, id=title) for title, sql in QUESTIONS])
def test_a_question_of_the_cookbook_has_an_answer(finished: Any, home: Path, sql: str) -> None:
    answer = finished.pianograde("query", "--format", "csv", sql, PIANOGRADE_HOME=str(home))
    assert answer.returncode == 0, answer.stderr
    rows = list(csv.DictReader(io.StringIO(answer.stdout)))
    assert rows
    assert any(value for value in rows[0].values())


@pytest.mark.parametrize("line", LINES)
def test_a_documented_query_runs(finished: Any, home: Path, line: str) -> None:
    words = shlex.split(line.partition(" > ")[0], comments=True)
    answer = finished.pianograde(*words[1:], PIANOGRADE_HOME=str(home))
    assert answer.returncode == 0, answer.stderr
