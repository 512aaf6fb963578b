"""The command line. Each command imports Dagster and torch in its body, so `--help` is quick."""

from pipelines.cli import grading, graph, tables
from pipelines.cli.command import app

__all__ = ["app", "grading", "graph", "tables"]
