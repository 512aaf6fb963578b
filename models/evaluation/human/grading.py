"""Rated clips graded by trained models, and how their scores go with the ratings."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.notes import TICK_S, Performance, cut_window, snap
from degradation.render import Instrument, render
from degradation.waveform import Waveform
from labeling.scores import DIMENSIONS, Dimension
from models.config.experiment import EXPERIMENTS, MODALITIES, Experiment
from models.evaluation.human.hypotheses import DESCRIBED, DIMENSION_CLAIMS, Sign
from models.evaluation.human.rating_agreement import Beside, Row
from models.evaluation.human.training_overlap import count_by_file
from models.inference.predict import predict_windows
from models.inference.trained_model import TrainedModel
from models.inference.windows import Window, window_bounds
from storage.corpus import CorpusConfig
from storage.percepiano import Clip

FloatArray = NDArray[np.float64]


def grade_clips(
    clips: Sequence[Clip],
    models: Mapping[Experiment, TrainedModel],
    corpus: CorpusConfig,
    instrument: Instrument,
) -> dict[Experiment, FloatArray]:
    """Return each model's scores of each clip, (clips, 8) in 0-100: the mean over its windows.

    Windows are cut as in training. Models that hear are given the clip as `instrument` sounds,
    for PercePiano publishes no sound; it is rendered once, whole, and then cut. A clip with no
    window that sounds has NaN.
    """
    hearing = any("audio" in MODALITIES[name] for name in models)
    windows = (
        (number, window)
        for number, clip in enumerate(clips)
        for window in clip_windows(clip.performance, corpus, instrument if hearing else None)
        if not window.silent
    )
    size = min((model.config.training.batch_size for model in models.values()), default=1)
    graded: dict[Experiment, dict[int, list[FloatArray]]] = {
        name: defaultdict(list) for name in models
    }
    while batch := list(itertools.islice(windows, size)):
        for name, model in models.items():
            scores = predict_windows([_heard(window, name) for _, window in batch], model)
            for (number, _), of_window in zip(batch, scores, strict=True):
                graded[name][number].append(of_window)
    nothing = [np.full(len(DIMENSIONS), np.nan)]
    return {
        name: np.stack(
            [np.mean(found.get(number, nothing), axis=0) for number in range(len(clips))]
        )
        for name, found in graded.items()
    }


def clip_windows(
    performance: Performance, corpus: CorpusConfig, instrument: Instrument | None
) -> Iterator[Window]:
    """Yield a clip's windows, with sound where there is an instrument."""
    sound = None if instrument is None else render(performance, instrument)
    for start_s, length_s in window_bounds(performance.duration_s, corpus):
        length_s = max(snap(length_s), TICK_S)
        yield Window(
            duration_s=length_s,
            notes=cut_window(performance, start_s, length_s),
            sound=None if sound is None else cut_sound(sound, start_s, length_s),
        )


def cut_sound(sound: Waveform, start_s: float, duration_s: float) -> Waveform:
    """Return a part of a sound; what lies beyond its end is silent."""
    first = round(start_s * sound.sample_rate_hz)
    count = max(1, round(duration_s * sound.sample_rate_hz))
    samples = np.zeros(count, np.float32)
    there = sound.samples[first : first + count]
    samples[: len(there)] = there
    return Waveform(samples=samples, sample_rate_hz=sound.sample_rate_hz)


def _heard(window: Window, name: Experiment) -> Window:
    """Return what an experiment hears of a window."""
    return Window(
        duration_s=window.duration_s,
        notes=window.notes if "midi" in MODALITIES[name] else None,
        sound=window.sound if "audio" in MODALITIES[name] else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """What the trained models' scores have to do with ratings of clips they were not trained on.

    `heard` counts the clips left out, by training performance. Of those judged, `read` counts by
    model the clips whose performance its encoder has read in pretraining, without any label.
    """

    experiments: tuple[Experiment, ...]
    heard: Mapping[str, int]
    judged: int
    read: Mapping[Experiment, int]
    segments: int
    rows: Mapping[Experiment, tuple[Row, ...]]


def grade(
    models: Mapping[Experiment, TrainedModel],
    clips: Sequence[Clip],
    new: Sequence[int],
    heard: Mapping[str, str],
    read: int,
    corpus: CorpusConfig,
    instrument: Instrument,
    beside: Beside,
) -> Graded:
    """Return how the scores of clips that no model was trained on go with their ratings.

    The pretrained encoder of those that read MIDI has read `read` of them.
    """
    scores = grade_clips([clips[number] for number in new], models, corpus, instrument)
    rows: dict[Experiment, tuple[Row, ...]] = {}
    for name in (name for name in EXPERIMENTS if name in models):
        found = []
        for dimension in DIMENSIONS:
            # What a model was trained on counts as not measured.
            measured = np.full(len(clips), np.nan)
            measured[list(new)] = scores[name][:, DIMENSIONS.index(dimension)]
            found += [
                beside.row(dimension, "score", scale, sign, measured)
                for scale, sign in scales_of(dimension)
            ]
        rows[name] = tuple(found)
    return Graded(
        experiments=tuple(rows),
        heard=count_by_file(heard),
        judged=len(new),
        read={name: read if "midi" in MODALITIES[name] else 0 for name in rows},
        segments=len({clips[number].score_segment for number in new}),
        rows=rows,
    )


def scales_of(dimension: Dimension) -> list[tuple[str, Sign | None]]:
    """Return the scales that stand beside a dimension: those of a claim first, with its sign."""
    claimed: list[tuple[str, Sign | None]] = [
        (claim.scale, claim.sign) for claim in DIMENSION_CLAIMS[dimension]
    ]
    return [*claimed, *((scale, None) for scale in DESCRIBED[dimension])]
