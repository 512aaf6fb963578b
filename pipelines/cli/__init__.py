"""The command line. Each command imports Dagster and torch in its body, so `--help` is quick."""

from pipelines.cli import (
    corpora,
    grading,
    graph,
    operations,
    tables,
    take_grader,
    trained,
    versions,
)
from pipelines.cli.command import app

__all__ = [
    "app",
    "corpora",
    "grading",
    "graph",
    "operations",
    "tables",
    "take_grader",
    "trained",
    "versions",
]
