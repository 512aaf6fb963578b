"""The only package that touches files: MIDI, audio, corpora and tables."""

import degradation  # noqa: F401  # before pretty_midi, whose import of pyfluidsynth it quietens
