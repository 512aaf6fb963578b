"""What a reader must know before believing a figure, in plain words."""

from models.config.experiment import MODALITIES
from models.evaluation.agreement.resampling import FEW_COMPOSITIONS
from models.evaluation.report.evaluation import TierSound
from models.evaluation.report.formats import listed
from models.evaluation.report.summary import Summary


def _describe(sound: TierSound) -> str:
    done = []
    if sound.band_hz:
        done.append(f"band {sound.band_hz[0]:g}–{sound.band_hz[1]:g} Hz")
    if sound.snr_db is not None:
        done.append(f"noise at {sound.snr_db:g} dB SNR")
    return ", ".join(done) or "untouched"


def _shortcut(summary: Summary) -> list[str]:
    """Return what to know of models that hear, when the sound itself tells tiers apart."""
    sounds = summary.evaluation.sounds
    hearing = [one.name for one in summary.experiments if "audio" in MODALITIES[one.name]]
    if len(set(sounds.values())) < 2 or not hearing:
        return []
    snrs = len({sound.snr_db for sound in sounds.values()})
    if snrs == len(sounds):
        meter = "A noise meter solves this task"
    elif snrs > 1:
        meter = "A noise meter solves a part of this task"
    else:
        meter = "A look at the bandwidth solves a part of this task"
    by_tier = "; ".join(f"{tier}: {_describe(sound)}" for tier, sound in sounds.items())
    found = [
        f"{meter}. Recipe {summary.evaluation.recipe} treats the sound of its tiers differently "
        f"({by_tier}), and whatever hears that knows the tier. The r of {listed(hearing)} reflects "
        "that shortcut, not musicianship."
    ]
    if any(one.name == "midi_only" for one in summary.experiments):
        found.append(
            "midi_only has no such shortcut: it has to find in the notes what was done to them. "
            "Its r says more about judging playing than that of models which hear."
        )
    return found


def _fusion_without_gain(summary: Summary) -> list[str]:
    """Return which fusions can't be told from audio alone, and how much there was to gain."""
    gains = {one.name: one.gain_over_audio for one in summary.experiments if one.gain_over_audio}
    alike = [name for name, gain in gains.items() if not gain.interval.excludes_zero]
    if not alike:
        return []
    audio_r = next(o.agreement.mean_r for o in summary.experiments if o.name == "audio_only")
    left = summary.ceiling_here.mean_r - audio_r
    add, differences = ("adds", "its difference") if len(alike) == 1 else ("add", "each difference")
    if summary.compositions[summary.evaluation.split] == 1:
        why = "on one composition a difference in mean r has no interval"
    else:
        why = f"the 95 % interval of {differences} in mean r holds 0"
    headroom = (
        f"The headroom above audio alone is {left:.3f} r: so much lies between audio_only and the "
        "ceiling of these clips."
        if round(left, 3) > 0
        else "There is no headroom: audio_only is at the ceiling of these clips already."
    )
    return [f"{listed(alike)} {add} nothing measurable to audio_only: {why}. {headroom}"]


def _contribution(summary: Summary) -> list[str]:
    if all(one.fusion is None for one in summary.experiments):
        return []
    return [
        "Gates, attention and norms are no measure of what a modality contributes. A gate that is "
        "wide open to a side of small activations passes little, attention weights sum to 1 "
        "whatever the other side has to say, and a large share of the norm may be ignored later. "
        "All of them speak of the fused steps, and the head hears each modality beside these, "
        "too. What a model scores without a modality says more."
    ]


def caveats(summary: Summary) -> list[str]:
    """Return what limits these figures, most important first."""
    found = _shortcut(summary)
    if summary.evaluation.kind == "tiered":
        found.append(
            "All eight dimensions carry one signal, the tier. They differ by random draws alone, "
            "so the rows of the tables by dimension are the same result eight times, give or take "
            "chance."
        )
    else:
        found.append(
            "Labels follow from severities alone, so nothing in them is chance and the label "
            "ceiling is r = 1. That is no promise: damage below what can be heard or read is in "
            "the labels all the same, and no model can find it."
        )
    found += _fusion_without_gain(summary)
    split = summary.evaluation.split
    pieces = summary.compositions[split]
    if pieces < FEW_COMPOSITIONS:
        what = "one composition" if pieces == 1 else f"{pieces} compositions"
        found.append(
            f"The {split} split holds {what}. Segments of one piece are alike, so the real "
            f"sample size is closer to {pieces} than to the number of clips; intervals resting on "
            f"fewer than {FEW_COMPOSITIONS} pieces are too narrow, and on one there is none."
        )
    if summary.evaluation.audio_source == "recorded":
        alike = len(set(summary.evaluation.sounds.values())) < 2
        left = "nothing in it tells" if alike else "only noise and filtering tell"
        found.append(
            "The audio is the corpus's own recording: damage to the notes never reached it, and "
            f"{left} its tiers apart."
        )
    found += _contribution(summary)
    if summary.experiments:
        found.append(
            "Each model was trained once, from one seed. Intervals redraw the pieces that are "
            "tested; another training of the same model moves its r, too, and nothing here says by "
            "how much."
        )
    found.append(
        "Labels are drawn by a recipe, not given by listeners. Nothing here says that a person "
        "would agree with any of these scores."
    )
    return found
