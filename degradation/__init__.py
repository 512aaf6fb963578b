"""Simulates errors of piano playing: recipes, operations on notes and sound, rendering.

Arrays in, arrays out: the only files read are recipes and soundfonts.
"""

import contextlib
import io

# FluidSynth decodes SF3 soundfonts with the libsndfile that is loaded already, if any: let that
# always be the one that comes with soundfile, whose version is pinned. Another one's Vorbis
# decoder rounds otherwise, and a row would not be made again byte for byte.
import soundfile  # noqa: F401

# Where the environment has CI, pyfluidsynth prints the place of its library when it is imported
# (by pretty_midi, too): that would be the first line of every table on standard output.
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(ImportError):
    import fluidsynth  # noqa: F401
