"""The rim: Dagster assets and checks, the command line and the pages people look at."""

import warnings

# Dagster says of backfill policies and observable sources that they may change; the version is
# pinned, and the sentence would be printed some thirty times.
warnings.filterwarnings("ignore", message=r".* is currently in beta")
