"""Transcribes a recording to a MIDI file."""

from pathlib import Path

from degradation.errors import UserError
from degradation.notes import TICKS_PER_S
from models.inference.transcriber import Transcriber
from models.inference.windows import open_transcribed
from storage.midi import LONGEST_TICK, write_midi

LONGEST_S = (LONGEST_TICK - 1) / TICKS_PER_S
"""The longest MIDI file with ticks of 50 µs."""

SUFFIX = ".transcribed.mid"
"""Keeps the file apart from a recording's own MIDI in the same folder."""


def transcribe_file(audio: Path, transcriber: Transcriber, folder: Path) -> Path:
    """Write the notes and pedal of a recording to a MIDI file in `folder`; return its path.

    Raises UserError when the recording cannot be read, is longer than `LONGEST_S` or has no
    notes, or when the file cannot be written.
    """
    opened = open_transcribed(audio, transcriber, LONGEST_S, with_sound=False)
    if opened.notes is None or not len(opened.notes.notes):
        raise UserError(f"{audio.name} has no notes; expected a recording of a piano")
    path = folder / f"{audio.stem}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(write_midi(opened.notes))
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); expected a folder to write to"
        ) from error
    return path
