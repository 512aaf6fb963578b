"""From the files of a performance to its scores: open, cut, predict, summarise, find the limits."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from degradation.errors import UserError
from labeling.scores import DIMENSIONS, Dimension
from models.config.experiment import MODALITIES, Experiment, Modality
from models.inference.limits import find_limits
from models.inference.model_choice import ModelChoice
from models.inference.predict import FloatArray, predict_windows
from models.inference.sources import Sources
from models.inference.trained_model import TrainedModel, check_input, load_model
from models.inference.transcriber import Transcriber
from models.inference.windows import (
    LONGEST_TRANSCRIBED_S,
    Opened,
    open_performance,
    open_transcribed,
    read_windows,
)
from storage.corpus import CorpusConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A performance's eight scores, 0-100, and how far each varies between windows.

    A score is the mean over `windows` windows, `spread` their population standard deviation in
    points; `silent_windows` were left out. `duration_s` is how much was graded; `left_out` says
    what of the files was not, or was changed. `modality` is what the experiment `model` was given
    (`describe_input`). `not_judged` gives, by dimension, why its score is not to be relied on.
    """

    file: str
    scores: Mapping[Dimension, float]
    spread: Mapping[Dimension, float]
    windows: int
    silent_windows: int
    duration_s: float
    left_out: tuple[str, ...]
    modality: str
    model: Experiment
    not_judged: Mapping[Dimension, str]


class Scorer:
    """Grades performances with the trained models of one corpus and recipe."""

    def __init__(
        self,
        choice: ModelChoice,
        corpus: CorpusConfig,
        sample_rate_hz: int,
        transcriber: Transcriber | None = None,
    ) -> None:
        """Make a scorer; a model of `choice` is loaded when it is first needed, and once.

        `corpus` and `sample_rate_hz` are those that the models were trained with. With a
        `transcriber` performances are audio alone, and are graded by a model that reads MIDI.
        """
        self._choice, self._corpus, self._sample_rate_hz = choice, corpus, sample_rate_hz
        self._transcriber = transcriber
        self._loaded: dict[Experiment, TrainedModel] = {}

    def score(self, sources: Sources) -> Score:
        """Return the scores of one performance.

        Raises UserError when a file cannot be read or holds nothing to grade, when two files do
        not belong together, or when no trained model reads what is given.
        """
        model, modalities = self._model(sources)
        opened = self._open(sources, modalities)
        windows = read_windows(opened, self._corpus, self._sample_rate_hz)
        scores = predict_windows(windows, model)
        summary = summarise(scores, sources.name)
        limits = find_limits(opened, model.config.midi_encoder.tokens, self._corpus.window_s)
        return Score(
            file=sources.name,
            scores=summary.mean,
            spread=summary.spread,
            windows=summary.windows,
            silent_windows=len(scores) - summary.windows,
            duration_s=opened.duration_s,
            left_out=opened.left_out,
            modality=describe_input(modalities, transcribed=opened.transcribed),
            model=model.experiment,
            not_judged=limits,
        )

    def _model(self, sources: Sources) -> tuple[TrainedModel, frozenset[Modality]]:
        """Return the model that grades, and what of the performance it is given."""
        given = needed = sources.modalities
        if self._transcriber is not None:
            if "midi" in given:
                raise UserError(
                    f"{sources.name} has MIDI; expected audio alone to transcribe: leave out "
                    "--transcribe, or the MIDI"
                )
            # A model of audio alone would leave the transcribed notes unread.
            given, needed = frozenset({"audio", "midi"}), frozenset({"midi"})
        name = self._choice.choose(given, needed)
        folder = self._choice.folders[name]
        if name not in self._loaded:
            self._loaded[name] = load_model(name, folder)
        modalities = given & MODALITIES[name]
        check_input(self._loaded[name], folder, modalities)
        return self._loaded[name], modalities

    def _open(self, sources: Sources, modalities: frozenset[Modality]) -> Opened:
        if self._transcriber is None or sources.audio is None:
            return open_performance(sources.only(modalities), self._corpus.duration_tolerance_s)
        return open_transcribed(
            sources.audio,
            self._transcriber,
            LONGEST_TRANSCRIBED_S,
            with_sound="audio" in modalities,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Mean and population standard deviation of each dimension over `windows` windows."""

    mean: Mapping[Dimension, float]
    spread: Mapping[Dimension, float]
    windows: int


def summarise(scores: FloatArray, name: str) -> Summary:
    """Return the summary of windows' scores, (windows, 8); silent windows, NaN, are left out.

    Raises UserError, naming the performance, when every window is silent.
    """
    graded = scores[~np.isnan(scores).any(axis=1)]
    if not len(graded):
        raise UserError(
            f"{name} has nothing to grade: {len(scores)} windows without a note or a sound; "
            "expected piano playing: export or record it again"
        )
    return Summary(
        mean=dict(zip(DIMENSIONS, graded.mean(axis=0).tolist(), strict=True)),
        spread=dict(zip(DIMENSIONS, graded.std(axis=0).tolist(), strict=True)),
        windows=len(graded),
    )


def describe_input(modalities: frozenset[Modality], *, transcribed: bool) -> str:
    """Return what a model was given; `audio→midi` is MIDI that was transcribed from the audio.

    >>> describe_input(frozenset({"audio", "midi"}), transcribed=True)
    'audio+audio→midi'
    """
    midi = "audio→midi" if transcribed else "midi"
    return "+".join(midi if modality == "midi" else modality for modality in sorted(modalities))
