"""How a performance goes bad: arrays in, arrays out. No files but the soundfont, no Dagster."""

import contextlib
import io

# Where the environment has CI, pyfluidsynth prints the place of its library when it is imported
# (by pretty_midi, too): that would be the first line of every table on standard output.
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(ImportError):
    import fluidsynth  # noqa: F401
