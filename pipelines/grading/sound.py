"""The sound of a graded take, small enough to be part of its page."""

import io
from dataclasses import dataclass

import soundfile

from degradation.errors import UserError
from degradation.recipe import Recipe
from degradation.waveform import Waveform
from models.inference.windows import Opened
from storage.audio import read_audio_window

LONGEST_S = 20 * 60.0
"""A longer take would make a page of over ten megabytes."""

PEAK = 0.9
"""Level that the loudest sample is brought to, so that takes can be compared by ear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeSound:
    """A take as MP3, and what a reader should know of it; `mp3` is None where there is no sound."""

    mp3: bytes | None
    remark: str


def take_sound(opened: Opened, recipe: Recipe) -> TakeSound:
    """Return a take's recording, or its notes as the recipe's first instrument plays them.

    Mono, at the recipe's sample rate, brought to one level.
    """
    if opened.duration_s > LONGEST_S:
        most = f"{LONGEST_S / 60:g} minutes"
        return TakeSound(mp3=None, remark=f"No sound here: the take lasts more than {most}.")
    if opened.sound is not None:
        rate_hz = recipe.sample_rate_hz
        recording = read_audio_window(opened.sound, 0.0, opened.duration_s, rate_hz)
        return TakeSound(mp3=_encode(recording), remark="")
    if opened.notes is None:
        return TakeSound(mp3=None, remark="")
    from degradation.render import render

    try:
        instrument = recipe.instruments[0]
        rendered = render(opened.notes, instrument)
    except UserError as error:
        return TakeSound(mp3=None, remark=f"No sound here: {error}.")
    return TakeSound(
        mp3=_encode(rendered), remark="The notes on a sampled piano: not the sound of the player's."
    )


def _encode(sound: Waveform) -> bytes:
    loudest = float(abs(sound.samples).max(initial=0.0))
    encoded = io.BytesIO()
    soundfile.write(
        encoded, sound.samples * (PEAK / max(loudest, 1e-4)), sound.sample_rate_hz, format="MP3"
    )
    return encoded.getvalue()
