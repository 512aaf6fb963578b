"""The command line: thin, and silent about anything but what a person asked for.

Dagster and torch are imported inside the commands: `--help` and the worker processes do without.
"""

from pipelines import cli_graph, cli_scores, cli_tables
from pipelines.command import app

__all__ = ["app", "cli_graph", "cli_scores", "cli_tables"]


if __name__ == "__main__":
    app()
