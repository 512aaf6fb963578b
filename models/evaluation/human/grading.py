"""Rated clips graded by trained models, and how their scores go with the ratings."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from degradation.notes import TICK_S, Performance, cut_window, snap
from degradation.render import Instrument, render
from degradation.waveform import Waveform
from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, MODALITIES, Experiment
from models.evaluation.human.document import ModelAgreement, RatingAgreement
from models.evaluation.human.hypotheses import scales_of
from models.evaluation.human.rating_agreement import Ratings
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
    graded: dict[Experiment, dict[int, list[FloatArray]]] = {
        name: defaultdict(list) for name in models
    }
    while batch := list(itertools.islice(windows, size)):
        for name, model in models.items():
            scores = predict_windows([_inputs(window, name) for _, window in batch], model)
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


def _inputs(window: Window, name: Experiment) -> Window:
    """Return the modalities of a window that an experiment takes."""
    return Window(
        duration_s=window.duration_s,
        notes=window.notes if "midi" in MODALITIES[name] else None,
        sound=window.sound if "audio" in MODALITIES[name] else None,
    )


def compare_models(
    models: Mapping[Experiment, TrainedModel],
    clips: Sequence[Clip],
    new: Sequence[int],
    overlap: Mapping[str, str],
    read: int,
    corpus: CorpusConfig,
    instrument: Instrument,
    ratings: Ratings,
) -> ModelAgreement:
    """Return how scores correlate with ratings, on the clips numbered `new`.

    No model was trained on these; `overlap` holds the training file of the others, by stem. The
    pretrained encoder of models that read MIDI has read `read` of the new ones.
    """
    scores = grade_clips([clips[number] for number in new], models, corpus, instrument)
    rows: dict[Experiment, tuple[RatingAgreement, ...]] = {}
    for name in (name for name in EXPERIMENTS if name in models):
        found = []
        for place, dimension in enumerate(DIMENSIONS):
            # Clips of the training performances count as not measured.
            measured = np.full(len(clips), np.nan)
            measured[list(new)] = scores[name][:, place]
            found += [
                ratings.compare(dimension, scale, sign, measured)
                for scale, sign in scales_of(dimension)
            ]
        rows[name] = tuple(found)
    return ModelAgreement(
        judged=len(new),
        passages=len({clips[number].score_segment for number in new}),
        left_out=count_by_file(overlap),
        read_in_pretraining={name: read if "midi" in MODALITIES[name] else 0 for name in rows},
        rows=rows,
    )
