"""Gets the sound of a row: rendered by FluidSynth, or loaded from the corpus's recording."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from degradation.errors import UserError
from degradation.notes import Performance
from degradation.render import Instrument, render
from degradation.waveform import Waveform
from storage.audio import read_audio_window


class RecordingError(UserError):
    """A recording cannot be used by one row; other rows are not affected."""


def load_or_render(
    performance: Performance,
    audio_source: str,
    instrument: Instrument,
    segment: Mapping[str, Any],
    root: Path | None,
) -> Waveform:
    """Return a performance rendered, or its segment of the recording below the corpus `root`.

    `segment` is a row with the columns of the segments table. A recording does not depend on the
    notes. Raises RecordingError when the recording is missing or broken.
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
            f"{segment['segment_id']} uses a recording; expected its corpus root: name it"
        )
    path, rate_hz = root / segment["audio_filename"], instrument.sample_rate_hz
    try:
        return read_audio_window(path, segment["start_s"], segment["duration_s"], rate_hz)
    except UserError as error:
        raise RecordingError(str(error)) from error


def recording_state(path: Path) -> str:
    """Return the recording's name, size and time of change, instead of a slow digest."""
    try:
        about = path.stat()
    except OSError:
        return f"{path.name} is missing"
    return f"{path.name} {about.st_size} {about.st_mtime_ns}"
