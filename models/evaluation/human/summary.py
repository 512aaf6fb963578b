"""The comparison with listeners: everything measured, as plain frozen data for page and JSON."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.render import Instrument, render
from degradation.seeds import stream
from labeling.functions import LABELING_FUNCTIONS
from labeling.reliability import Reliability, assess_reliability
from models.config.human_validation import HumanValidationConfig
from models.evaluation.human.baseline import predict_baseline
from models.evaluation.human.features import measure_features
from models.evaluation.human.fine_tuning import Tuned, tune
from models.evaluation.human.folds import HeldOut, judge_held_out
from models.evaluation.human.grading import Graded, grade
from models.evaluation.human.heuristics import HEURISTICS
from models.evaluation.human.hypotheses import FUNCTION_CLAIMS
from models.evaluation.human.rating_agreement import Beside, Row
from models.evaluation.human.trained import Trained
from models.evaluation.human.training_overlap import find_heard
from storage.corpus import CorpusConfig
from storage.percepiano import SCALES, Clip, RatedClips

FloatArray = NDArray[np.float64]

LONG_BARS = 16
"""Clips of so many bars overlap shorter ones, and would count the same playing twice."""

SEGMENT_FOLDS = 10

FEWEST_CLIPS = 30
"""Fewer say nothing of a correlation: then none is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that the page says. What could not be had is None, with its reason beside it.

    `works_heard` are works of which the models' training or their encoder's pretraining is known,
    from the clips cut from it, to have had a performance.
    """

    recipe: str
    rated: RatedClips
    judged: int
    segments: int
    works: Mapping[str, int]
    reliability: Mapping[str, Reliability]
    heuristics: tuple[Row, ...]
    functions: tuple[Row, ...]
    abstained: Mapping[str, int]
    baseline_by_work: HeldOut
    baseline_by_segment: HeldOut
    models: Graded | None
    no_models: str
    works_heard: tuple[str, ...]
    tuned: Tuned | None
    not_tuned: str


def compare_with_listeners(
    rated: RatedClips,
    trained: Trained,
    corpus: CorpusConfig,
    instrument: Instrument,
    config: HumanValidationConfig,
    *,
    recipe: str,
    log: Callable[[str], None],
) -> Findings:
    """Return how far functions and models go with PercePiano's listeners.

    Clips of what the models were trained on are left out; clips of what their encoder alone has
    read, without labels, are counted. Raises UserError when too few clips are left to compare, or
    all are of one work.
    """
    clips = [clip for clip in rated.clips if not clip.is_score and clip.bars != LONG_BARS]
    works = dict(sorted(Counter(clip.work for clip in clips).items()))
    if len(clips) < FEWEST_CLIPS or len(works) < 2:
        raise UserError(
            f"PercePiano leaves {len(clips)} clips of {len(works)} works by human players; "
            f"expected {FEWEST_CLIPS} or more of two: check the folder out again"
        )
    log(f"{len(clips)} clips; baseline on held-out works")
    ratings = np.stack([clip.means for clip in clips])
    segments = [clip.score_segment for clip in clips]
    features = np.stack([measure_features(clip.performance) for clip in clips])

    def baseline(groups: Sequence[str]) -> FloatArray:
        return predict_baseline(features, ratings, groups, config.boosting, seed=config.seed)

    predicted = baseline([clip.work for clip in clips])
    by_segment = baseline(segment_folds(segments))
    beside = Beside(ratings, predicted, segments, config.seed)
    log("labeling functions, on rendered sound")
    readings = read_functions(clips, instrument)
    graded, no_models, tuned, not_tuned = None, "no model of this recipe is trained", None, ""
    models = trained.models
    heard: dict[str, str] = {}
    read: dict[str, str] = {}
    new: list[int] = []
    if models:
        log("which clips were trained on, and which were read in pretraining")
        heard = find_heard(clips, trained.trained_on)
        new = [number for number, clip in enumerate(clips) if clip.stem not in heard]
        no_models = enough([clips[number] for number in new])
        if not no_models:
            read = find_heard([clips[number] for number in new], trained.pretrained_on)
            log(f"{', '.join(models)} grade {len(new)} clips")
            graded = grade(models, clips, new, heard, len(read), corpus, instrument, beside)
    not_tuned = no_models or ("" if "midi_only" in models else "midi_only is not trained")
    if not not_tuned:
        if len({clips[number].work for number in new}) < 2:
            not_tuned = "all clips that it was not trained on are of one work"
        else:
            log("fine-tuning midi_only on ratings, from each start")
            start = trained.pretrained_dir
            tuned = tune(models["midi_only"], start, clips, new, features, corpus, config)
    return Findings(
        recipe=recipe,
        rated=rated,
        judged=len(clips),
        segments=len(set(segments)),
        works=works,
        reliability=rate_raters(rated, config),
        heuristics=tuple(
            beside.row(
                heuristic.name,
                "",
                heuristic.claim.scale,
                heuristic.claim.sign,
                np.array([heuristic.measure(clip.performance) for clip in clips]),
                stated_rho=heuristic.stated_rho,
            )
            for heuristic in HEURISTICS
        ),
        functions=tuple(
            beside.row(
                function.name,
                function.unit,
                FUNCTION_CLAIMS[function.name].scale,
                FUNCTION_CLAIMS[function.name].sign,
                readings[function.name],
            )
            for function in LABELING_FUNCTIONS
        ),
        abstained={name: int(np.isnan(values).sum()) for name, values in readings.items()},
        baseline_by_work=judge_held_out(
            ratings, predicted, segments, stream(config.seed, "baseline", "work")
        ),
        baseline_by_segment=judge_held_out(
            ratings, by_segment, segments, stream(config.seed, "baseline", "segment")
        ),
        models=graded,
        no_models=no_models,
        works_heard=tuple(sorted({clip.work for clip in clips if clip.stem in heard | read})),
        tuned=tuned,
        not_tuned=not_tuned,
    )


def segment_folds(segments: Sequence[str]) -> list[str]:
    """Return one of `SEGMENT_FOLDS` folds for each clip: no score segment is in two."""
    fold = {name: str(at % SEGMENT_FOLDS) for at, name in enumerate(sorted(set(segments)))}
    return [fold[name] for name in segments]


def rate_raters(rated: RatedClips, config: HumanValidationConfig) -> dict[str, Reliability]:
    """Return how far listeners agree, by scale, over all clips of the checkout."""
    _, target = np.unique(np.asarray(rated.ratings.stems), return_inverse=True)
    return {
        scale: assess_reliability(
            target,
            rated.ratings.answers[:, column],
            halves=config.random_halves,
            rng=stream(config.seed, "reliability", scale),
        )
        for column, scale in enumerate(SCALES)
    }


def read_functions(clips: Sequence[Clip], instrument: Instrument) -> dict[str, FloatArray]:
    """Return the value of each labeling function for each clip, NaN where it abstains."""
    values: dict[str, list[float]] = {function.name: [] for function in LABELING_FUNCTIONS}
    for clip in clips:
        sound = render(clip.performance, instrument)
        for function in LABELING_FUNCTIONS:
            value = function(clip.performance, sound).value
            values[function.name].append(float("nan") if value is None else value)
    return {name: np.array(found) for name, found in values.items()}


def enough(clips: Sequence[Clip]) -> str:
    """Return why these clips are too few to judge a model by, nothing where they are enough."""
    if not clips:
        return "nothing is left: every clip was cut from a performance that they were trained on"
    if len(clips) < FEWEST_CLIPS:
        return (
            f"only {len(clips)} clips are left that they were not trained on; at least "
            f"{FEWEST_CLIPS} are needed"
        )
    return ""
