"""Time of questions to a large `samples` table: `python -m benchmarks.queries --rows 450000`.

The rows of a corpus's table are copied into as many folders as MAESTRO has, a file each, until
there are so many; then `pianograde query` is asked, each time in a process of its own, whose start
the question `select 1` tells.
"""

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
import typer

from pipelines.cli.command import print_table, report_user_error
from pipelines.settings import Settings
from pipelines.workspace import Workspace, open_workspace
from storage.derived import SAMPLES_GROUP_ROWS
from storage.tables import DataFile, Table, commit, data_file_path, read_table, write_data_file

QUESTIONS = {
    "none": "select 1",
    "rows": "select count(*) as rows from samples",
    "grades a tier": "select tier, avg(overall_interpretation) as mean from samples group by tier",
    "grades a composer": "select composer, tier, avg(rhythmic_stability) as mean from samples "
    "group by all order by mean limit 20",
    "one row": "select * exclude (tier) from samples where sample_id = (select max(sample_id) "
    "from samples)",
}


def multiply(source: Table, target: Table, rows: int) -> list[DataFile]:
    """Write `rows` rows, copies of a table's, into a file for each of its tiers and ten years."""
    held = read_table(source).to_table()
    tiers = held["tier"].unique().to_pylist()
    folders = [{"tier": tier, "year": str(year)} for tier in tiers for year in range(2009, 2019)]
    parts = []
    for folder in folders:
        of_tier = held.filter(pc.field("tier") == folder["tier"])
        copies = math.ceil(rows / len(folders) / len(of_tier))
        path = data_file_path(target, folder, "copies")
        together = pa.concat_tables([of_tier] * copies)
        parts.append(write_data_file(target, path, [together], group_rows=SAMPLES_GROUP_ROWS))
    commit(target, parts)
    return parts


@report_user_error
def main(
    corpus: Annotated[str, typer.Argument(help="A corpus whose samples are made.")] = "demo",
    recipe: Annotated[str, typer.Option(help="A recipe.")] = "phase2",
    rows: Annotated[int, typer.Option(min=1)] = 450_000,
) -> None:
    """Ask a table of many rows some questions."""
    workspace = open_workspace(corpus)
    with tempfile.TemporaryDirectory(prefix="pianograde-queries-") as folder:
        large = Workspace(Settings(home=Path(folder)), workspace.corpus)
        parts = multiply(workspace.table(recipe, "samples"), large.table(recipe, "samples"), rows)
        typer.echo(f"{sum(part.rows for part in parts):,} rows in {len(parts):,} files")
        lines = []
        for name, sql in QUESTIONS.items():
            command = [sys.executable, "-m", "pipelines.cli", "query", sql, "--recipe", recipe]
            command += ["--corpus", corpus]
            begun_s = time.perf_counter()
            subprocess.run(
                command,
                env=os.environ | {"PIANOGRADE_HOME": folder},
                stdout=subprocess.DEVNULL,
                check=True,
            )
            lines.append({"question": name, "seconds": f"{time.perf_counter() - begun_s:.2f}"})
        print_table(lines)


if __name__ == "__main__":
    typer.run(main)
