"""The only package that touches files: MIDI, audio, corpora and tables."""
