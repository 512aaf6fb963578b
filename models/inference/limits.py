"""Which dimensions of a performance cannot be judged, given what was read of it."""

from collections.abc import Mapping

import numpy as np

from degradation.notes import SUSTAIN
from labeling.scores import Dimension
from models.config.midi import TokenName
from models.inference.windows import Opened
from models.tokens.tokenisers import TOKENISERS

_TRANSCRIBED: Mapping[Dimension, str] = {
    "tone_quality": "notes that are found in the sound do not tell it",
    "note_accuracy": "errors of the transcription count as wrong notes",
    "pedal_technique": "the pedal is found as down or up alone, and not always",
}


def find_limits(opened: Opened, tokens: TokenName, window_s: float) -> dict[Dimension, str]:
    """Return the dimensions that this input cannot be judged in, each with the reason.

    A model always gives eight scores. Where sound is read, tone, pedal and dynamics are in it;
    from notes alone these are not to be relied on:

    - `tone_quality`: a velocity says how hard a key was struck, not how that sounded;
    - `pedal_technique` where the sustain pedal never moves, or `tokens` leave the pedal out;
    - `dynamic_range` where every note has one velocity, as in typeset music;
    - `note_accuracy` and `pedal_technique` of transcribed notes: what Transkun misses or adds
      looks like a slip, and it finds the pedal as down or up alone.

    Nor is `overall_interpretation` of less than the `window_s` that models learn on.
    """
    limits: dict[Dimension, str] = {}
    if opened.notes is not None and opened.sound is None:
        if opened.transcribed:
            limits |= _TRANSCRIBED
        else:
            limits["tone_quality"] = "no sound was heard"
        if "pedal_onset" not in (TOKENISERS[tokens].dtype.names or ()):
            limits["pedal_technique"] = f"the model's {tokens} tokens leave the pedal out"
        elif not (opened.notes.pedal["controller"] == SUSTAIN).any():
            where = "sound" if opened.transcribed else "file"
            limits["pedal_technique"] = f"the {where} has no sustain pedal"
        if len(np.unique(opened.notes.notes["velocity"])) == 1:
            limits["dynamic_range"] = "every note has one velocity"
    if opened.duration_s < window_s:
        limits["overall_interpretation"] = f"it lasts less than a window of {window_s:g} s"
    return limits
