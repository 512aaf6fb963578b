"""Transcriptions of stored clips, kept as MIDI files: a clip is transcribed once."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.inference.transcriber import Transcriber
from storage.audio import decode_audio
from storage.files import whole_file
from storage.midi import write_midi


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribedClip:
    """One clip's transcription: MIDI bytes, empty where no note was found.

    `took_s` is how long it took, None where it was in the cache.
    """

    sample_id: str
    midi: bytes
    sound_s: float
    took_s: float | None


def transcribe_clips(
    clips: Mapping[str, bytes], transcriber: Transcriber, folder: Path, budget_s: float
) -> Iterator[TranscribedClip]:
    """Yield transcriptions of audio files by sample id, in order, until `budget_s` is spent.

    A file in `folder` is named by a digest of the sound and the transcriber. One that is there
    costs no budget; a clip that is begun is finished.
    """
    spent_s = 0.0
    for sample_id, audio in clips.items():
        digest = hashlib.blake2b(transcriber.name.encode() + audio, digest_size=16).hexdigest()
        path = folder / f"{digest}.mid"
        sound = decode_audio(audio, sample_id)
        took_s = None
        if not path.exists():
            if spent_s >= budget_s:
                return
            started_s = time.perf_counter()
            played = transcriber.transcribe(sound)
            took_s = time.perf_counter() - started_s
            spent_s += took_s
            midi = write_midi(played) if len(played.notes) else b""
            with whole_file(folder.as_uri(), path.name) as file:
                file.write(midi)
        yield TranscribedClip(
            sample_id=sample_id, midi=path.read_bytes(), sound_s=sound.duration_s, took_s=took_s
        )
