"""Where a row's sound comes from: FluidSynth, or the corpus's own recording."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from degradation.errors import UserError
from degradation.notes import Performance
from degradation.render import Instrument, render
from degradation.waveform import Waveform
from storage.audio import read_audio_window


class RecordingError(UserError):
    """A recording that one row cannot use; the rest of its part can be made."""


def load_or_render(
    performance: Performance,
    audio_source: str,
    instrument: Instrument,
    segment: Mapping[str, Any],
    root: Path | None,
) -> Waveform:
    """Return a performance rendered, or its segment of the recording below the corpus `root`.

    `segment` is a row that has the columns of the segments table. A recording sounds as it
    does, whatever the notes. Raises RecordingError when there is none, or it is broken.
    """
    if audio_source == "rendered":
        return render(performance, instrument)
    if not segment["audio_filename"]:
        raise RecordingError(
            f"{segment['performance_id']} has no recording, but the recipe's audio_source is "
            "recorded: use a recipe that renders, or a corpus with audio"
        )
    if root is None:
        raise RecordingError(
            f"{segment['segment_id']} is heard on a recording; expected its corpus root: name it"
        )
    try:
        return read_audio_window(
            root / segment["audio_filename"],
            segment["start_s"],
            segment["duration_s"],
            instrument.sample_rate_hz,
        )
    except UserError as error:
        raise RecordingError(str(error)) from error


def recording_state(path: Path) -> str:
    """Return what changes when a recording is replaced; to digest gigabytes would take longer."""
    try:
        about = path.stat()
    except OSError:
        return f"{path.name} is missing"
    return f"{path.name} {about.st_size} {about.st_mtime_ns}"
