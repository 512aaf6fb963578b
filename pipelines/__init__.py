"""Dagster assets and checks, the command line, and the pages that people look at."""

import sys
import warnings
from types import TracebackType

# Dagster warns some thirty times that backfill policies are in beta and partitions of checks in
# preview; its version is pinned.
warnings.filterwarnings("ignore", message=r".* is currently in (beta|preview)")


def _report_interrupt(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Report Ctrl-C in one line, also where no command has started that could."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("pianograde: ended by SIGINT\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _report_interrupt
