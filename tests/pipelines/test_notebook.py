import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "explore.py"


def run_notebook(environment: dict[str, str], page: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marimo", "export", "html", str(NOTEBOOK), "-o", str(page)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_notebook_runs_with_plots_and_players(finished: Any, tmp_path: Path) -> None:
    page = tmp_path / "explore.html"
    ran = run_notebook(finished.environment, page)
    assert ran.returncode == 0, ran.stderr
    html = page.read_text(encoding="utf-8")
    assert html.count("data:audio/") == 2
    assert html.count("data:image/png") == 2
    (rows,) = finished.query("select count(*) n from samples")
    assert f"{int(rows['n']):,} graded versions" in html


def test_without_tables_the_notebook_names_the_way_out(new_project: Any, tmp_path: Path) -> None:
    page = tmp_path / "explore.html"
    run_notebook(new_project().environment, page)
    assert "pianograde run --corpus demo" in page.read_text(encoding="utf-8")


def test_a_workspace_answers_with_a_data_frame(finished: Any, monkeypatch: Any) -> None:
    for name, value in finished.environment.items():
        monkeypatch.setenv(name, value)
    from pipelines.workspace import open_workspace

    sql = "select tier, count(*) as rows from samples group by tier"
    frame = open_workspace(None).connect("phase2", sql).sql(sql).df()
    assert isinstance(frame, pd.DataFrame)
    assert set(frame["tier"]) == {"pristine", "good", "moderate", "poor"}
