"""Rated clips graded by trained models, and how their scores correlate with the ratings."""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from degradation.notes import TICK_S, Performance, cut_window, snap
from degradation.render import Instrument, render
from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, MODALITIES, Experiment
from models.evaluation.human.document import ModelAgreement
from models.evaluation.human.hypotheses import DIMENSION_HYPOTHESES
from models.evaluation.human.rating_agreement import Ratings
from models.evaluation.human.training_overlap import Excerpt
from models.inference.predict import predict_windows
from models.inference.trained_model import TrainedModel
from models.inference.windows import Window, window_bounds
from storage.corpus import CorpusConfig
from storage.percepiano import Clip

FloatArray = NDArray[np.float64]


def grade_clips(
    clips: Sequence[Excerpt],
    models: Mapping[Experiment, TrainedModel],
    corpus: CorpusConfig,
    instrument: Instrument,
) -> dict[Experiment, FloatArray]:
    """Return each model's scores of each clip, (clips, 8) in 0-100: the mean over its windows.

    Windows are cut as in training. PercePiano publishes no sound, so models that take audio are
    given the clip rendered with `instrument`: once, whole, and then cut. A clip without a window
    that sounds has NaN.
    """
    needs_sound = any("audio" in MODALITIES[name] for name in models)
    windows = (
        (number, window)
        for number, clip in enumerate(clips)
        for window in clip_windows(clip.performance, corpus, instrument if needs_sound else None)
        if not window.silent
    )
    size = min((model.config.training.batch_size for model in models.values()), default=1)
    clip_of: list[int] = []
    graded: dict[Experiment, list[FloatArray]] = {
        name: [np.zeros((0, len(DIMENSIONS)))] for name in models
    }
    while batch := list(itertools.islice(windows, size)):
        clip_of += [number for number, _ in batch]
        for name, model in models.items():
            inputs = [_inputs(window, name) for _, window in batch]
            graded[name].append(predict_windows(inputs, model))
    return {
        name: mean_by_clip(np.concatenate(found), clip_of, range(len(clips)))
        for name, found in graded.items()
    }


def mean_by_clip(
    of_windows: FloatArray, clip_of: Sequence[int], clips: Collection[int]
) -> FloatArray:
    """Return means over each clip's windows, (windows, n) to (clips, n); NaN without a window."""
    owner = np.asarray(clip_of, np.int64)
    nothing = np.full(of_windows.shape[1], np.nan)
    return np.stack(
        [
            of_windows[owner == clip].mean(axis=0) if (owner == clip).any() else nothing
            for clip in clips
        ]
    )


def clip_windows(
    performance: Performance, corpus: CorpusConfig, instrument: Instrument | None
) -> Iterator[Window]:
    """Yield a clip's windows, with sound where there is an instrument, silent beyond its end."""
    sound = None if instrument is None else render(performance, instrument)
    for start_s, length_s in window_bounds(performance.duration_s, corpus):
        length_s = max(snap(length_s), TICK_S)
        cut = None
        if sound is not None:
            first = round(start_s * sound.sample_rate_hz)
            count = max(1, round(length_s * sound.sample_rate_hz))
            there = sound.samples[first : first + count]
            cut = sound.with_samples(np.pad(there, (0, count - len(there))))
        notes = cut_window(performance, start_s, length_s)
        yield Window(duration_s=length_s, notes=notes, sound=cut)


def _inputs(window: Window, name: Experiment) -> Window:
    """Return the modalities of a window that an experiment takes."""
    return replace(
        window,
        notes=window.notes if "midi" in MODALITIES[name] else None,
        sound=window.sound if "audio" in MODALITIES[name] else None,
    )


def compare_models(
    models: Mapping[Experiment, TrainedModel],
    clips: Sequence[Clip],
    new: Sequence[int],
    pretrained_on: int,
    corpus: CorpusConfig,
    instrument: Instrument,
    ratings: Ratings,
) -> ModelAgreement:
    """Return how scores correlate with ratings, on the clips numbered `new`.

    No model was trained on these; the pretrained encoder of models that read MIDI has read
    `pretrained_on` of them.
    """
    scores = grade_clips([clips[number] for number in new], models, corpus, instrument)
    # Clips of the training performances count as not measured.
    measured = {name: np.full((len(clips), len(DIMENSIONS)), np.nan) for name in models}
    for name, found in scores.items():
        measured[name][list(new)] = found
    return ModelAgreement(
        judged=len(new),
        passages=len({clips[number].score_segment for number in new}),
        trained_on=len(clips) - len(new),
        pretrained_on=pretrained_on,
        rows={
            name: tuple(
                ratings.compare(
                    dimension, scale, sign, measured[name][:, DIMENSIONS.index(dimension)]
                )
                for dimension, hypotheses in DIMENSION_HYPOTHESES.items()
                for scale, sign in hypotheses
            )
            for name in EXPERIMENTS
            if name in models
        },
    )
