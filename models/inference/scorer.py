"""Scores of real performances by a trained model: windows as the corpus's, and their mean."""

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from degradation.errors import UserError
from labeling.scores import DIMENSIONS, Dimension
from models.config.experiment import (
    EXPERIMENTS,
    MODALITIES,
    Experiment,
    ExperimentConfig,
    Modality,
)
from models.device import accelerator
from models.inference.limits import find_limits
from models.inference.predict import predict
from models.inference.sources import Sources
from models.inference.transcriber import Transcriber
from models.inference.windows import (
    LONGEST_TRANSCRIBED_S,
    Opened,
    Window,
    open_performance,
    open_transcribed,
    read_windows,
)
from models.inputs.batch import Batch, Example, collate
from models.inputs.feature_reader import Features
from models.inputs.feature_writer import audio_features
from models.networks.network import GradingNetwork
from models.tokens.tokenisers import TOKENISERS
from models.training.checkpoint import check_versions, load_network
from models.training.files import find_best, is_trained
from storage.corpus import CorpusConfig

Heard = Literal["audio", "midi", "audio+midi", "audio→midi", "audio+audio→midi"]
"""What a model was shown; `audio→midi` is MIDI that was transcribed from the audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A performance's eight scores, 0-100, and how far each strays between windows.

    A score is the mean over `windows` windows, `spread` their population standard deviation in
    points; `silent_windows` were left out. `duration_s` is how much was heard; `left_out` says what
    of the files was not, or was changed. `modality` says what was heard, `model` by which
    experiment. `not_judged` gives, by dimension, why its score is not to be relied on.
    """

    file: str
    scores: Mapping[Dimension, float]
    spread: Mapping[Dimension, float]
    windows: int
    silent_windows: int
    duration_s: float
    left_out: tuple[str, ...]
    modality: Heard
    model: Experiment
    not_judged: Mapping[Dimension, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedModel:
    """A network in evaluation mode, on the device that it runs on, and its settings."""

    network: GradingNetwork
    experiment: Experiment
    config: ExperimentConfig


class Scorer:
    """Grades performances; a model is loaded when it is first needed, and once."""

    def __init__(
        self,
        folders: Mapping[Experiment, Path],
        corpus: CorpusConfig,
        sample_rate_hz: int,
        model: str | None = None,
        transcriber: Transcriber | None = None,
    ) -> None:
        """Look for trained models in `folders`, without loading any.

        `corpus` and `sample_rate_hz` are those that the models were trained with. `model` names
        the experiment to grade with; without it each performance gets the trained model of
        lowest validation loss among those that hear just what is given, else among those that
        hear a part of it or could hear more. With a `transcriber` performances are audio alone,
        and are graded by a model that hears MIDI. Raises UserError when there is no such model.
        """
        self._folders = {name: folders[name] for name in EXPERIMENTS if name in folders}
        self._corpus, self._sample_rate_hz = corpus, sample_rate_hz
        self._transcriber = transcriber
        self._loaded: dict[Experiment, TrainedModel] = {}
        self._checked: set[tuple[Experiment, frozenset[Modality]]] = set()
        losses = _validation_losses(self._folders)
        if not losses:
            raise UserError(
                "no model is trained for this corpus, recipe and experiment file; expected one of "
                f"{', '.join(EXPERIMENTS)}: run `pianograde demo`, or train on a corpus of your own"
            )
        self._candidates = {name: loss for name, loss in losses.items() if model in (None, name)}
        if not self._candidates:
            raise UserError(
                f"model {model} is not trained; expected one of {', '.join(losses)}: choose one, "
                "or train it"
            )
        self._trained = list(losses)

    def score(self, sources: Sources) -> Scored:
        """Return the scores of one performance.

        Raises UserError when a file cannot be read or holds nothing to grade, when two files do
        not belong together, or when no chosen model can hear what is given.
        """
        given = sources.modalities
        if self._transcriber is not None:
            if given != {"audio"}:
                raise UserError(
                    f"{sources.name} has MIDI; expected audio alone to transcribe: leave out "
                    "--transcribe, or the MIDI"
                )
            given = frozenset[Modality]({"audio", "midi"})
        model = self._model(self._choose(given))
        heard = given & MODALITIES[model.experiment]
        self._check_versions(model, heard)
        dropout = model.config.fusion.modality_dropout
        if heard != MODALITIES[model.experiment] and not dropout:
            (only,) = heard
            raise UserError(
                f"{model.experiment} was trained without modality_dropout and needs audio and "
                f"MIDI; got {_WORDS[only]} alone: give both, or train {only}_only"
            )
        opened = self._open(sources, heard)
        windows = read_windows(opened, self._corpus, self._sample_rate_hz)
        of_windows = predict_windows(windows, model)
        silent = np.isnan(of_windows).all(axis=1)
        scores = of_windows[~silent]
        if not len(scores):
            raise UserError(
                f"{sources.name} has nothing to grade: {silent.sum()} windows without a note or a "
                "sound; expected piano playing: export or record it again"
            )
        mean, spread = scores.mean(0).tolist(), scores.std(0).tolist()
        return Scored(
            file=sources.name,
            scores=dict(zip(DIMENSIONS, mean, strict=True)),
            spread=dict(zip(DIMENSIONS, spread, strict=True)),
            windows=len(scores),
            silent_windows=int(silent.sum()),
            duration_s=opened.duration_s,
            left_out=opened.left_out,
            modality=(_TRANSCRIBED if opened.transcribed else _MODALITY)[heard],
            model=model.experiment,
            not_judged=find_limits(opened, model.config.midi_encoder.tokens, self._corpus.window_s),
        )

    def _open(self, sources: Sources, heard: frozenset[Modality]) -> Opened:
        if self._transcriber is None or sources.audio is None:
            return open_performance(sources.only(heard), self._corpus.duration_tolerance_s)
        return open_transcribed(
            sources.audio, self._transcriber, LONGEST_TRANSCRIBED_S, with_sound="audio" in heard
        )

    def _choose(self, given: frozenset[Modality]) -> Experiment:
        # What is transcribed must be heard: a model of audio alone would leave it unread.
        needed = given if self._transcriber is None else frozenset[Modality]({"midi"})
        able = [name for name in self._candidates if MODALITIES[name] & needed]
        if not able:
            hearing = [name for name in self._trained if MODALITIES[name] & needed]
            raise UserError(
                f"{' and '.join(self._candidates)} cannot hear "
                f"{' and '.join(_WORDS[modality] for modality in sorted(needed))}; expected one of "
                f"{', '.join(hearing) or 'the models that can, none of which is trained'}: choose "
                "another model, or train one"
            )
        return min(able, key=lambda name: (MODALITIES[name] != given, self._candidates[name]))

    def _model(self, name: Experiment) -> TrainedModel:
        if name not in self._loaded:
            self._loaded[name] = load_model(name, self._folders[name])
        return self._loaded[name]

    def _check_versions(self, model: TrainedModel, heard: frozenset[Modality]) -> None:
        if (model.experiment, heard) not in self._checked:
            check_versions(self._folders[model.experiment], model.config, heard)
            self._checked.add((model.experiment, heard))


_WORDS: Mapping[Modality, str] = {"audio": "audio", "midi": "MIDI"}
_MODALITY: Mapping[frozenset[Modality], Heard] = {
    frozenset({"audio"}): "audio",
    frozenset({"midi"}): "midi",
    frozenset({"audio", "midi"}): "audio+midi",
}
_TRANSCRIBED: Mapping[frozenset[Modality], Heard] = {
    frozenset({"midi"}): "audio→midi",
    frozenset({"audio", "midi"}): "audio+audio→midi",
}


def _validation_losses(folders: Mapping[Experiment, Path]) -> dict[Experiment, float]:
    """Return the validation loss of each model whose training is finished."""
    return {
        name: float(find_best(folder).stem.rpartition("=")[2])
        for name, folder in folders.items()
        if is_trained(folder)
    }


def load_model(name: Experiment, folder: Path) -> TrainedModel:
    """Return a trained model on the device there is. Raises UserError when it cannot be loaded."""
    try:
        network, experiment, config = load_network(folder)
    # What an earlier release or a broken disk left: JSON of another shape, other weights.
    except (OSError, KeyError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise UserError(
            f"model {name} in {folder} cannot be loaded ({reason[:200]}); expected one that this "
            "release trained: train it again"
        ) from error
    return TrainedModel(network=network.to(accelerator()), experiment=experiment, config=config)


MOST_PAIRS = 1 << 24
"""Pairs of notes that attention sees at once: 64 ordinary windows, or a few of the densest."""


def _batches(windows: Iterable[Window], size: int) -> Iterator[list[Window]]:
    """Yield up to `size` windows at a time, fewer where their notes are many."""
    batch: list[Window] = []
    most = 0
    for window in windows:
        notes = 0 if window.notes is None else len(window.notes.notes)
        if batch and (len(batch) == size or (len(batch) + 1) * max(most, notes) ** 2 > MOST_PAIRS):
            yield batch
            batch, most = [], 0
        batch.append(window)
        most = max(most, notes)
    if batch:
        yield batch


def predict_windows(windows: Iterable[Window], model: TrainedModel) -> NDArray[np.float64]:
    """Return the scores of each window, (windows, 8), within 0-100; NaN where it is silent.

    Windows are read as they are needed. Raises UserError when the network gives no finite scores.
    """
    config = model.config
    silent: list[bool] = []

    def batches() -> Iterator[Batch]:
        for batch in _batches(windows, config.training.batch_size):
            silent.extend(window.silent for window in batch)
            if sounding := [window for window in batch if not window.silent]:
                clips = window_features(sounding, config)
                yield collate([Example(features=clip) for clip in clips], config)

    predicted = predict(model.network, batches(), config.torch_threads).scores.astype(np.float64)
    if not np.isfinite(predicted).all():
        raise UserError(
            f"{model.experiment} gives scores that are no numbers; expected sound within ±1 full "
            "scale: lower its level, or train the model again"
        )
    scores = np.full((len(silent), len(DIMENSIONS)), np.nan)
    scores[~np.array(silent, bool)] = np.clip(predicted, 0, 100)
    return scores


def window_features(windows: Sequence[Window], config: ExperimentConfig) -> list[Features]:
    """Return what a model reads of windows, computed with its settings."""
    sounds = [window.sound for window in windows if window.sound is not None]
    audio = audio_features(sounds, config.audio_features) if sounds else [None] * len(windows)
    encode = TOKENISERS[config.midi_encoder.tokens].encode
    return [
        Features(
            sample_id="",
            duration_s=window.duration_s,
            audio=frames,
            tokens=None if window.notes is None else encode(window.notes),
        )
        for window, frames in zip(windows, audio, strict=True)
    ]
