"""What a reader must know before believing a figure, in plain words."""

from models.config import MODALITIES
from models.evaluation.summary import Summary, TierSound

FEW_COMPOSITIONS = 10
"""Below this many test compositions an interval says little (and is likely too narrow)."""


def _describe(sound: TierSound) -> str:
    done = []
    if sound.band_hz:
        done.append(f"band {sound.band_hz[0]:g}–{sound.band_hz[1]:g} Hz")
    if sound.snr_db is not None:
        done.append(f"noise at {sound.snr_db:g} dB SNR")
    return ", ".join(done) or "untouched"


def _shortcut(summary: Summary) -> list[str]:
    """Return what to know of models that hear, when the sound itself tells tiers apart."""
    sounds = summary.sounds
    hearing = [one.name for one in summary.experiments if "audio" in MODALITIES[one.name]]
    if len(set(sounds.values())) == 1 or not hearing:
        return []
    snrs = len({sound.snr_db for sound in sounds.values()})
    if snrs == len(sounds):
        meter = "A noise meter solves this task"
    elif snrs > 1:
        meter = "A noise meter solves a part of this task"
    else:
        meter = "A look at the bandwidth solves a part of this task"
    listed = "; ".join(f"{tier}: {_describe(sound)}" for tier, sound in sounds.items())
    found = [
        f"{meter}. Recipe {summary.recipe} treats the sound of its tiers differently ({listed}), "
        f"and whatever hears that knows the tier. The r of {' and '.join(hearing)} reflects that "
        "shortcut, not musicianship."
    ]
    reading = [one.name for one in summary.experiments if one.name not in hearing]
    if reading:
        found.append(
            f"{' and '.join(reading)} has no such shortcut: it has to find in the notes what was "
            "done to them. Its r says more about judging playing than that of models which hear."
        )
    return found


def caveats(summary: Summary) -> list[str]:
    """Return what limits these figures, most important first."""
    found = _shortcut(summary)
    found.append(
        "All eight dimensions carry one signal, the tier. They differ by random draws alone, so "
        "the rows of the table by dimension are the same result eight times, give or take chance."
    )
    pieces = summary.compositions[summary.split]
    if pieces < FEW_COMPOSITIONS:
        what = "one composition" if pieces == 1 else f"{pieces} compositions"
        found.append(
            f"The {summary.split} split holds {what}. Segments of one piece are alike, so the real "
            f"sample size is closer to {pieces} than to the number of clips; intervals resting on "
            f"fewer than {FEW_COMPOSITIONS} pieces are too narrow, and on one there is none."
        )
    if summary.audio_source == "recorded":
        alike = len(set(summary.sounds.values())) == 1
        left = "nothing in it tells" if alike else "only noise and filtering tell"
        found.append(
            "The audio is the corpus's own recording: damage to the notes never reached it, and "
            f"{left} its tiers apart."
        )
    found.append(
        "Labels are drawn by a recipe, not given by listeners. Nothing here says that a person "
        "would agree with any of these scores."
    )
    return found
