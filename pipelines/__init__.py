"""The rim: Dagster assets and checks, the command line and the pages people look at."""

import sys
import warnings
from types import TracebackType

# Dagster says of backfill policies and observable sources that they may change; the version is
# pinned, and the sentence would be printed some thirty times.
warnings.filterwarnings("ignore", message=r".* is currently in beta")


def _told_in_one_line(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):  # where no command has begun, and none can tell
        sys.stderr.write("pianograde: ended by SIGINT\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _told_in_one_line
