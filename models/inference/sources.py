"""The files of a performance to grade, and whether they can be read."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import Modality

MIDI_SUFFIXES = {".mid", ".midi", ".kar", ".rmi", ".smf"}
AUDIO_SUFFIXES = {
    *(".wav", ".wave", ".w64", ".rf64", ".flac", ".mp3", ".ogg", ".oga", ".opus"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
}
"""Names of the music in a folder; a file that is named itself may have any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files of one performance: MIDI or audio, or both, which begin at the same moment.

    `given` is what the user called them, if not by their paths.
    """

    midi: Path | None = None
    audio: Path | None = None
    given: str = ""

    def __post_init__(self) -> None:
        if not self.modalities:
            raise ValueError("a performance must have MIDI or audio, got neither")

    @property
    def modalities(self) -> frozenset[Modality]:
        """What a model can be given."""
        files: dict[Modality, Path | None] = {"audio": self.audio, "midi": self.midi}
        return frozenset(modality for modality, path in files.items() if path is not None)

    @property
    def paths(self) -> list[Path]:
        """The files, MIDI first."""
        return [path for path in (self.midi, self.audio) if path is not None]

    @property
    def name(self) -> str:
        """The file's path as it was given; of two, both."""
        return self.given or " + ".join(map(str, self.paths))

    def only(self, modalities: frozenset[Modality]) -> "Sources":
        """Return the files of these modalities."""
        return Sources(
            midi=self.midi if "midi" in modalities else None,
            audio=self.audio if "audio" in modalities else None,
            given=self.given,
        )


def find_sources(path: Path) -> Sources:
    """Return a file as MIDI or as audio, by its first bytes, else by its suffix.

    Raises UserError for what is no readable, regular file.
    """
    check_regular(path)
    with readable(path), path.open("rb") as file:
        opening = file.read(12)
    is_midi = opening[:4] == b"MThd" or (opening[:4] == b"RIFF" and opening[8:] == b"RMID")
    if is_midi or path.suffix.lower() in MIDI_SUFFIXES:
        return Sources(midi=path)
    return Sources(audio=path)


def music_in(folder: Path) -> list[Path]:
    """Return the music in a folder and those inside it, by its suffix. UserError without any."""
    with readable(folder):
        files = sorted(
            path
            for path in folder.rglob("[!.]*")
            if path.suffix.lower() in MIDI_SUFFIXES | AUDIO_SUFFIXES and path.is_file()
        )
    if not files:
        raise UserError(
            f"{folder} holds no music; expected files of MIDI or audio "
            f"({', '.join(sorted(MIDI_SUFFIXES | AUDIO_SUFFIXES))}): name the files themselves"
        )
    return files


def check_regular(path: Path) -> None:
    """Raise UserError unless the path is a regular file: no folder, pipe or device."""
    with readable(path):
        mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise UserError(
            f"{path.name or path} is {'a folder' if stat.S_ISDIR(mode) else 'no regular file'}; "
            "expected a MIDI or audio file: name the files themselves"
        )


def why_unreadable(path: Path) -> UserError | None:
    """Return the error of a path that is no regular file, None where it is one."""
    try:
        check_regular(path)
    except UserError as error:
        return error
    return None


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into a UserError that names the path."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"{path.name or path} cannot be read ({reason}); expected a MIDI or audio file: check "
            "the path"
        ) from error
