"""Why fusing did not pay, as far as the diagnostics can tell.

Each rule looks at one thing and says a sentence or nothing; what is decisive comes first. A rule
that speaks names what it saw, so that a reader can disagree.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.config.experiment import Experiment, Modality
from models.evaluation.agreement.model_comparison import MeanPair
from models.evaluation.report.formats import number, percent, signed
from models.evaluation.report.fusion_figures import FusionFigures

HEADROOM_SHARE = 0.10
"""A fusion has to gain so much of what the best single modality leaves below the ceiling."""
AS_GOOD = 0.98
"""A model that keeps so much of its r without a modality does without it."""
DEAF_R = 0.05
"""Below this mean r a model of one modality has found next to nothing in it."""
UNLEARNT = 0.8
"""Below this part of what the single model makes of a modality, a fusion has not learnt it."""
ONE_SIDED = 0.1
"""A side whose share of the norm or of the gradient is below this hardly takes part."""
ALIKE_CKA = 0.05
"""Below this likeness there is no shift to speak of."""

SINGLES: Mapping[Modality, Experiment] = {"audio": "audio_only", "midi": "midi_only"}
WORDS: Mapping[Modality, str] = {"audio": "audio", "midi": "MIDI"}


def other(modality: Modality) -> Modality:
    """Return the modality that is not this one."""
    return "midi" if modality == "audio" else "audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a fusion that is compared with the best single modality.

    `alone_r` is its mean r when given one modality, `single_r` that of the models of one
    modality, where trained; `observable_r` is what an oracle of the measured damage reaches, None
    where that was not asked. Epochs are counted from 1.
    """

    pair: MeanPair
    compositions: int
    alone_r: Mapping[Modality, float]
    single_r: Mapping[Modality, float]
    observable_r: float | None
    figures: FusionFigures
    kept_epoch: int
    last_epoch: int


def ceiling_reached(seen: Evidence) -> str | None:
    """There is nothing left to gain."""
    if seen.pair.headroom > 0:
        return None
    return f"{seen.pair.single} is at the label ceiling already: there is nothing left to gain."


def observable_reached(seen: Evidence) -> str | None:
    """What is left cannot be measured even beside the clean playing."""
    if seen.observable_r is None or seen.pair.single_r < seen.observable_r:
        return None
    return (
        f"{seen.pair.single} is where an oracle is that measures the damage beside the clean "
        f"playing (r = {number(seen.observable_r)}): what is left may not be in the playing."
    )


def too_small_to_show(seen: Evidence) -> str | None:
    """The gain asked for is smaller than what these data can tell from nothing."""
    pair = seen.pair
    half_width = (pair.interval.high - pair.interval.low) / 2
    asked = HEADROOM_SHARE * pair.headroom
    if not 0 < asked < half_width:
        return None
    return (
        f"{percent(HEADROOM_SHARE)} of the remaining headroom are {number(asked, 4)} r, and the "
        f"interval of the difference reaches {number(half_width, 4)} to either side: "
        f"{seen.compositions} compositions cannot show a gain of that size."
    )


def unsure(seen: Evidence) -> str | None:
    """The gain is large enough, but may be chance."""
    pair = seen.pair
    if not pair.share_of_headroom >= HEADROOM_SHARE or pair.interval.excludes_zero:
        return None
    return (
        f"The gain found ({signed(pair.difference)} r) would be enough, but on "
        f"{seen.compositions} compositions it may be chance."
    )


def deaf(seen: Evidence) -> str | None:
    """A model of one modality found nothing in it: so far there is nothing to fuse."""
    found = [name for name, r in seen.single_r.items() if r < DEAF_R]
    if not found:
        return None
    said = " and ".join(f"{SINGLES[name]} (r = {number(seen.single_r[name])})" for name in found)
    return f"{said} has found next to nothing to fuse: longer training, or more music, comes first."


def too_weak_to_add(seen: Evidence) -> str | None:
    """Even if both single models erred independently, their mean would not gain enough."""
    pair = seen.pair
    gain = pair.independent_r - pair.single_r
    if deaf(seen) or pair.headroom <= 0 or not gain < HEADROOM_SHARE * pair.headroom:
        return None
    weak = min(seen.single_r, key=lambda name: seen.single_r[name])
    return (
        f"{SINGLES[weak]} (r = {number(seen.single_r[weak])}) knows too little to add "
        f"{percent(HEADROOM_SHARE)} of the headroom to {pair.single}: if their errors had nothing "
        f"in common, the best weighted mean of the two would reach r = "
        f"{number(pair.independent_r)}, {percent(gain / pair.headroom)} of the headroom; it "
        f"reaches {number(pair.both_singles_r)}."
        + (
            f" {pair.fusion}, at {number(pair.fusion_r)}, finds more than that already."
            if pair.fusion_r > pair.independent_r
            else ""
        )
    )


def nothing_to_add(seen: Evidence) -> str | None:
    """Not even the best average of both single models gains enough, as they err alike.

    A fusion that is better than any average of them found what neither did: then it is silent.
    """
    pair = seen.pair
    if math.isnan(pair.both_singles_r) or pair.headroom <= 0 or deaf(seen) or too_weak_to_add(seen):
        return None
    if pair.fusion_r > pair.both_singles_r:
        return None
    gain = pair.both_singles_r - pair.single_r
    if gain >= HEADROOM_SHARE * pair.headroom:
        return (
            f"It is not that nothing is left: a weighted mean of audio_only and midi_only would "
            f"reach up to r = {number(pair.both_singles_r)} ({percent(gain / pair.headroom)} of "
            f"the headroom). {pair.fusion} does not use what both modalities hold."
        )
    return (
        f"Both modalities say the same here: the best weighted mean of audio_only and midi_only "
        f"reaches r = {number(pair.both_singles_r)}, {percent(gain / pair.headroom)} of the "
        f"headroom above {pair.single}; if they erred independently it would reach "
        f"{number(pair.independent_r)}."
    )


def does_without(seen: Evidence) -> str | None:
    """One modality alone is as good as both."""
    for modality, r in seen.alone_r.items():
        if seen.pair.fusion_r > 0 and r >= AS_GOOD * seen.pair.fusion_r:
            return (
                f"{seen.pair.fusion} does without {WORDS[other(modality)]}: given "
                f"{WORDS[modality]} alone it reaches r = {number(r)}, with both "
                f"{number(seen.pair.fusion_r)}."
            )
    return None


def side_not_learnt(seen: Evidence) -> str | None:
    """A fusion makes less of a modality than the model that has nothing else."""
    found = [
        f"given {WORDS[modality]} alone it reaches r = {number(r)}, where {SINGLES[modality]} "
        f"reaches {number(seen.single_r[modality])}"
        for modality, r in seen.alone_r.items()
        if modality in seen.single_r and r < UNLEARNT * seen.single_r[modality]
    ]
    if not found:
        return None
    return f"{seen.pair.fusion} has not learnt to use a side: {' and '.join(found)}."


def one_sided(seen: Evidence) -> str | None:
    """One side's part of the fused steps is next to nothing."""
    share = seen.figures.audio_share
    if share is None or ONE_SIDED <= share <= 1 - ONE_SIDED:
        return None
    weak: Modality = "audio" if share < ONE_SIDED else "midi"
    part = share if weak == "audio" else 1 - share
    return (
        f"{WORDS[weak]} makes up {percent(part)} of the fused steps' norm: it hardly takes part "
        "in them."
    )


def starved(seen: Evidence) -> str | None:
    """Training pulls at one side far less than at the other."""
    norms = seen.figures.gradient_norms
    if not {"audio", "midi"} <= set(norms) or not max(norms.values()) > 0:
        return None
    weak: Modality = "audio" if norms["audio"] < norms["midi"] else "midi"
    part = norms[weak] / norms[other(weak)]
    if part >= ONE_SIDED:
        return None
    return (
        f"The gradient on the {WORDS[weak]} side is {percent(part, 1)} of that on the other: "
        "that side hardly learns."
    )


def misaligned(seen: Evidence) -> str | None:
    """Both sides do not speak of the same moment."""
    figures = seen.figures
    if (
        figures.shift_steps is not None
        and figures.shift_steps not in (0, 1)
        and (figures.shift_cka or 0.0) >= ALIKE_CKA
    ):
        return (
            f"Audio and MIDI are most alike when audio is moved by {figures.shift_steps} steps "
            f"({number(figures.shift_ms, 0)} ms): the sides may be misaligned in time."
        )
    found, chance = figures.retrieval_at_1, figures.retrieval_chance
    if found is not None and chance is not None and found <= 2 * chance:
        return (
            f"The sides are not aligned: the nearest clip of the other modality is the right one "
            f"in {percent(found, 1)} of cases ({percent(chance, 1)} by chance)."
        )
    return None


def still_learning(seen: Evidence) -> str | None:
    """The last epoch was the best: more of them might have helped."""
    if seen.kept_epoch < seen.last_epoch:
        return None
    return (
        f"{seen.pair.fusion} was still getting better in its last epoch ({seen.last_epoch}): it "
        "was not trained to the end."
    )


RULES: tuple[Callable[[Evidence], str | None], ...] = (
    ceiling_reached,
    observable_reached,
    too_small_to_show,
    unsure,
    deaf,
    too_weak_to_add,
    nothing_to_add,
    does_without,
    side_not_learnt,
    one_sided,
    starved,
    misaligned,
    still_learning,
)


def explain_no_gain(seen: Evidence) -> tuple[str, ...]:
    """Return why the gain is missing, the decisive first; never empty."""
    found = tuple(said for rule in RULES if (said := rule(seen)))
    return found or ("No diagnostic on this page explains it.",)
