"""Why a fusion did not pay, as far as the diagnostics show.

Each rule looks at one thing and returns a verdict with what it saw, or None.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.config.experiment import MODALITY_WORDS, SINGLES, Modality
from models.evaluation.agreement.pairs import FusionPair
from models.evaluation.criteria.verdict import Verdict, verdict
from models.training.history import EpochRecord

HEADROOM_SHARE = 0.10
"""A fusion has to gain this share of what the best single modality leaves below the ceiling."""
AS_GOOD = 0.98
"""A model that keeps this share of its r without a modality does not use it."""
NOTHING_LEARNT_R = 0.05
"""Below this mean r a model of one modality has learnt next to nothing."""
UNLEARNT = 0.8
"""Below this share of the single model's r, a fusion has not learnt to use a modality."""
ONE_SIDED = 0.1
"""A side with less than this share of the norm or of the gradient hardly takes part."""
ALIKE_CKA = 0.05
"""Below this CKA the shift between audio and MIDI means nothing."""


def other(modality: Modality) -> Modality:
    """Return the modality that is not this one."""
    return "midi" if modality == "audio" else "audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a fusion that is compared with the best single modality.

    `alone_r` is its mean r when given one modality, `single_r` that of the models of one modality,
    where trained; `observable_r` what an oracle of the measured damage reaches, None where that
    was not asked.
    """

    pair: FusionPair
    compositions: int
    alone_r: Mapping[Modality, float]
    single_r: Mapping[Modality, float]
    observable_r: float | None
    kept: EpochRecord
    last_epoch: int
    step_ms: float


Rule = Callable[[Evidence], Verdict | None]


def ceiling_reached(seen: Evidence) -> Verdict | None:
    """There is nothing left to gain."""
    if seen.pair.headroom > 0:
        return None
    return verdict("ceiling_reached", single=seen.pair.single)


def observable_reached(seen: Evidence) -> Verdict | None:
    """What is left cannot be measured even beside the clean playing."""
    if seen.observable_r is None or seen.pair.single_r < seen.observable_r:
        return None
    return verdict("observable_reached", single=seen.pair.single, observable_r=seen.observable_r)


def too_small_to_show(seen: Evidence) -> Verdict | None:
    """The gain asked for is smaller than half the interval's width."""
    half_width = (seen.pair.interval.high - seen.pair.interval.low) / 2
    asked = HEADROOM_SHARE * seen.pair.headroom
    if not 0 < asked < half_width:
        return None
    pieces = seen.compositions
    return verdict("too_small_to_show", asked=asked, half_width=half_width, pieces=pieces)


def may_be_chance(seen: Evidence) -> Verdict | None:
    """The gain is large enough, but its interval holds 0."""
    pair = seen.pair
    if not pair.share_of_headroom >= HEADROOM_SHARE or pair.interval.excludes_zero:
        return None
    return verdict("may_be_chance", gain=pair.difference, pieces=seen.compositions)


def nothing_to_add(seen: Evidence) -> Verdict | None:
    """A single model learnt nothing, is too weak to add enough, or adds nothing to the other's.

    Bounds are from above: `independent_r` as if both single models erred independently,
    `both_singles_r` their best average. Silent about a fusion that is better than any average.
    """
    pair = seen.pair
    if found := [name for name, r in seen.single_r.items() if r < NOTHING_LEARNT_R]:
        models = tuple(str(SINGLES[name]) for name in found)
        r = tuple(seen.single_r[name] for name in found)
        return verdict("single_learnt_nothing", models=models, r=r)
    asked = HEADROOM_SHARE * pair.headroom
    if asked <= 0:
        return None
    if pair.independent_r - pair.single_r < asked:
        weak = min(seen.single_r, key=lambda name: seen.single_r[name])
        return verdict(
            "too_weak_to_add",
            weak=SINGLES[weak],
            weak_r=seen.single_r[weak],
            single=pair.single,
            independent_r=pair.independent_r,
        )
    if math.isnan(pair.both_singles_r) or pair.fusion_r > pair.both_singles_r:
        return None
    enough = pair.both_singles_r - pair.single_r >= asked
    code = "average_does_better" if enough else "nothing_to_add"
    return verdict(code, both_r=pair.both_singles_r, fusion=pair.fusion)


def does_without(seen: Evidence) -> Verdict | None:
    """One modality alone is as good as both."""
    for modality, r in seen.alone_r.items():
        if seen.pair.fusion_r > 0 and r >= AS_GOOD * seen.pair.fusion_r:
            return verdict(
                "does_without",
                fusion=seen.pair.fusion,
                kept=MODALITY_WORDS[modality],
                unused=MODALITY_WORDS[other(modality)],
                alone_r=r,
            )
    return None


def side_not_learnt(seen: Evidence) -> Verdict | None:
    """A fusion makes less of a modality than the model that has nothing else."""
    for modality, r in seen.alone_r.items():
        if modality in seen.single_r and r < UNLEARNT * seen.single_r[modality]:
            return verdict(
                "side_not_learnt",
                fusion=seen.pair.fusion,
                side=MODALITY_WORDS[modality],
                alone_r=r,
                single=SINGLES[modality],
                single_r=seen.single_r[modality],
            )
    return None


def one_sided(seen: Evidence) -> Verdict | None:
    """One side's part of the fused steps is next to nothing."""
    share = seen.kept.diagnostics.audio_share
    if share is None or ONE_SIDED <= share <= 1 - ONE_SIDED:
        return None
    weak: Modality = "audio" if share < ONE_SIDED else "midi"
    return verdict("one_sided", side=MODALITY_WORDS[weak], share=min(share, 1 - share))


def starved(seen: Evidence) -> Verdict | None:
    """The gradient of one side is far below that of the other."""
    norms = seen.kept.gradient_norms
    if not {"audio", "midi"} <= set(norms) or not max(norms.values()) > 0:
        return None
    weak: Modality = "audio" if norms["audio"] < norms["midi"] else "midi"
    part = norms[weak] / norms[other(weak)]
    if part >= ONE_SIDED:
        return None
    return verdict("starved", side=MODALITY_WORDS[weak], share=part)


def misaligned(seen: Evidence) -> Verdict | None:
    """Both sides do not describe the same moment."""
    figures = seen.kept.diagnostics
    if (
        figures.shift_steps is not None
        and figures.shift_steps not in (0, 1)
        and (figures.shift_cka or 0.0) >= ALIKE_CKA
    ):
        return verdict("shifted", shift_ms=figures.shift_steps * seen.step_ms)
    found, chance = figures.retrieval_at_1, figures.retrieval_chance
    if found is not None and chance is not None and found <= 2 * chance:
        return verdict("not_aligned", found=found, chance=chance)
    return None


def still_learning(seen: Evidence) -> Verdict | None:
    """The last epoch was the best: more of them might have helped."""
    if seen.kept.epoch < seen.last_epoch:
        return None
    return verdict("still_learning", fusion=seen.pair.fusion, epoch=seen.last_epoch)


RULES: tuple[Rule, ...] = (
    ceiling_reached,
    observable_reached,
    too_small_to_show,
    may_be_chance,
    nothing_to_add,
    does_without,
    side_not_learnt,
    one_sided,
    starved,
    misaligned,
    still_learning,
)


def diagnose(seen: Evidence) -> tuple[Verdict, ...]:
    """Return why the gain is missing, the decisive reason first; never empty."""
    found = tuple(one for rule in RULES if (one := rule(seen)))
    return found or (verdict("unexplained"),)
