"""The comparison with listeners: labeling functions, heuristics, models, baseline, fine-tuning."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.notes import Performance
from degradation.render import Instrument, render
from degradation.seeds import stream
from labeling.functions import LABELING_FUNCTIONS
from labeling.measures import FEATURES, MEASURES, measure_features
from labeling.reliability import intraclass, split_half
from models.config.experiment import Experiment
from models.config.human_validation import HumanValidationConfig
from models.evaluation.human.document import (
    ClipCounts,
    FineTuning,
    HumanValidation,
    ModelAgreement,
    NotCompared,
    RatingAgreement,
    ScaleReliability,
)
from models.evaluation.human.fine_tuning import compare_starts
from models.evaluation.human.grading import compare_models
from models.evaluation.human.held_out import judge_held_out, predict_baseline
from models.evaluation.human.hypotheses import (
    DIMENSION_HYPOTHESES,
    FUNCTION_HYPOTHESES,
    HEURISTICS,
)
from models.evaluation.human.rating_agreement import Ratings
from models.evaluation.human.training_overlap import find_overlap
from models.inference.trained_model import TrainedModel
from models.take_grader.document import installed_grader
from models.take_grader.grade import grade_takes
from storage.corpus import CorpusConfig
from storage.percepiano import SCALES, Clip, RatedClips

FloatArray = NDArray[np.float64]

LONG_BARS = 16
"""Clips of this many bars overlap shorter ones: the same playing would count twice."""

FEWEST_CLIPS = 30
"""With fewer clips no correlation is shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedModels:
    """A recipe's trained models, and the performances that they have read, with their MIDI files.

    `trained_on` yields those of training with labels, `pretrained_on` those that the pretrained
    encoder of models that read MIDI has read without labels: nothing where they started from
    random weights. Then `pretrained_dir`, the encoder's folder, is None.
    """

    models: Mapping[Experiment, TrainedModel]
    trained_on: Iterable[tuple[str, Performance]]
    pretrained_on: Iterable[tuple[str, Performance]]
    pretrained_dir: Path | None


def compare_with_listeners(
    rated: RatedClips,
    trained: TrainedModels,
    corpus: CorpusConfig,
    instrument: Instrument,
    config: HumanValidationConfig,
    *,
    recipe: str,
    log: Callable[[str], None],
) -> HumanValidation:
    """Return how functions and models agree with PercePiano's listeners.

    Clips that overlap with the models' training are left out for the models; clips that their
    encoder alone has read, without labels, are counted. Raises UserError when too few clips are
    left to compare, or all are of one work.
    """
    clips = [clip for clip in rated.clips if not clip.is_score and clip.bars != LONG_BARS]
    works = dict(sorted(Counter(clip.work for clip in clips).items()))
    if len(clips) < FEWEST_CLIPS or len(works) < 2:
        raise UserError(
            f"PercePiano leaves {len(clips)} clips of {len(works)} works by human players; "
            f"expected {FEWEST_CLIPS} or more of two: check the folder out again"
        )
    log(f"{len(clips)} clips; baseline on held-out works")
    means, passages = np.stack([clip.means for clip in clips]), [c.score_segment for c in clips]
    features = np.stack([measure_features(clip.performance) for clip in clips])

    predicted = predict_baseline(
        features, means, [clip.work for clip in clips], config.boosting, seed=config.seed
    )
    ratings = Ratings(means, predicted, passages, config.seed)
    log("labeling functions, on rendered sound")
    functions = compare_functions(clips, instrument, ratings)
    taken = grade_takes(installed_grader(), (clip.performance for clip in clips))
    models: ModelAgreement | None = None
    fine_tuning: FineTuning | None = None
    not_compared: NotCompared | None = "none trained"
    if trained.models:
        log("which clips overlap with training, and which with pretraining")
        overlap = find_overlap(clips, trained.trained_on)
        new = [number for number, clip in enumerate(clips) if clip.stem not in overlap]
        if len(new) < FEWEST_CLIPS:
            not_compared = "too few clips" if new else "all clips trained on"
        else:
            unseen = [clips[number] for number in new]
            read = find_overlap(unseen, trained.pretrained_on)
            log(f"{', '.join(trained.models)} grade {len(new)} clips")
            models = compare_models(
                trained.models, clips, new, len(read), corpus, instrument, ratings
            )
            log("fine-tuning midi_only on ratings, from each start")
            fine_tuning, not_compared = compare_starts(
                trained.models.get("midi_only"),
                trained.pretrained_dir,
                unseen,
                features[new],
                tuple(sorted({clip.work for clip in clips if clip.stem in overlap | read})),
                corpus,
                config,
            )
    return HumanValidation(
        recipe=recipe,
        clips=ClipCounts(
            read=len(rated.clips),
            quarantine=rated.faults,
            judged=len(clips),
            passages=len(set(passages)),
            works=works,
            ratings=len(rated.ratings.stems),
            rating_rows_refused=rated.rows_refused,
            listeners=len(set(rated.ratings.raters)),
        ),
        reliability=rate_raters(rated, config),
        heuristics=tuple(
            ratings.compare(
                one.name,
                one.scale,
                one.sign,
                np.array([MEASURES[one.name](clip.performance) for clip in clips]),
            )
            for one in HEURISTICS
        ),
        functions=functions,
        take_grader=tuple(
            ratings.compare(dimension, scale, sign, taken[dimension])
            for dimension, hypotheses in DIMENSION_HYPOTHESES.items()
            if dimension in taken
            for scale, sign in hypotheses
        ),
        features=tuple(FEATURES),
        baseline_by_work=judge_held_out(
            means, predicted, passages, stream(config.seed, "baseline", "work")
        ),
        models=models,
        fine_tuning=fine_tuning,
        not_compared=not_compared,
    )


def rate_raters(rated: RatedClips, config: HumanValidationConfig) -> dict[str, ScaleReliability]:
    """Return how far listeners agree, by scale, over all clips of the checkout."""
    _, target = np.unique(np.asarray(rated.ratings.stems), return_inverse=True)
    found = {}
    for answers, scale in zip(rated.ratings.answers.T, SCALES, strict=True):
        icc_1, icc_k, raters = intraclass(target, answers)
        rng = stream(config.seed, "reliability", scale)
        half = split_half(target, answers, halves=config.random_halves, rng=rng)
        found[scale] = ScaleReliability(icc_1=icc_1, icc_k=icc_k, split_half=half, raters=raters)
    return found


def compare_functions(
    clips: Sequence[Clip], instrument: Instrument, ratings: Ratings
) -> tuple[RatingAgreement, ...]:
    """Return how each labeling function's value correlates with the scale of its hypothesis."""
    sounds = (render(clip.performance, instrument) for clip in clips)
    values = np.array(
        [
            [function(clip.performance, sound).value for function in LABELING_FUNCTIONS]
            for clip, sound in zip(clips, sounds, strict=True)
        ],
        np.float64,  # None, an abstention, becomes NaN
    )
    return tuple(
        ratings.compare(function.name, *FUNCTION_HYPOTHESES[function.name], measured)
        for function, measured in zip(LABELING_FUNCTIONS, values.T, strict=True)
    )
