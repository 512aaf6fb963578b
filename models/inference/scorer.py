"""From the files of a performance to its scores: open, cut, predict, summarise, find the limits."""

import numpy as np

from degradation.counted import counted
from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, Experiment, Modality
from models.inference.limits import find_limits
from models.inference.model_choice import ModelChoice
from models.inference.predict import FloatArray, predict_windows
from models.inference.score import ByDimension, Graded, Score
from models.inference.sources import Sources
from models.inference.trained_model import TrainedModel, check_input, load_model
from models.inference.transcriber import Transcriber
from models.inference.windows import (
    open_for,
    read_windows,
    window_bounds,
)
from models.skill import find_unskilled
from storage.corpus import CorpusConfig


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
        """Return the scores of one performance; errors are those of `grade`."""
        return self.grade(sources).score

    def grade(self, sources: Sources) -> Graded:
        """Return the scores of one performance, and of each of its windows.

        Raises UserError when a file cannot be read or holds nothing to grade, when two files do
        not belong together, when no trained model with skill reads what is given, or when none
        of the dimensions that it tells can be judged in this performance.
        """
        model, modalities = self._model(sources)
        opened = open_for(sources, modalities, self._corpus.duration_tolerance_s, self._transcriber)
        skills = self._choice.skills(model.experiment)
        tokens, window_s = model.config.midi_encoder.tokens, self._corpus.window_s
        not_judged = find_unskilled(skills) | find_limits(opened, tokens, window_s)
        if len(not_judged) == len(DIMENSIONS):
            raise UserError(
                f"{sources.name} cannot be graded by {model.experiment}: no dimension that the "
                f"model tells can be judged ({'; '.join(dict.fromkeys(not_judged.values()))}); "
                "expected one at least: give both MIDI and sound, or choose another model"
            )
        windows = read_windows(opened, self._corpus, self._sample_rate_hz)
        scores = predict_windows(windows, model)
        mean, spread = summarise(scores, sources.name)
        silent = int(np.isnan(scores[:, 0]).sum())
        midi = "audio→midi" if opened.transcribed else "midi"
        score = Score(
            file=sources.name,
            scores={name: mean[name] for name in mean if name not in not_judged},
            spread={name: spread[name] for name in spread if name not in not_judged},
            windows=len(scores) - silent,
            silent_windows=silent,
            duration_s=opened.duration_s,
            left_out=opened.left_out,
            modality="+".join(midi if name == "midi" else name for name in sorted(modalities)),
            model=model.experiment,
            skill=skills,
            not_judged=not_judged,
        )
        return Graded(
            score=score,
            opened=opened,
            bounds_s=tuple(window_bounds(opened.duration_s, self._corpus)),
            by_window=scores,
        )

    def _model(self, sources: Sources) -> tuple[TrainedModel, frozenset[Modality]]:
        """Return the model that grades, and what of the performance it is given."""
        given = needed = sources.modalities
        if self._transcriber is not None:
            # A model of audio alone would leave the transcribed notes unread.
            given, needed = frozenset({"audio", "midi"}), frozenset({"midi"})
        name = self._choice.choose(given, needed)
        if name not in self._loaded:
            self._loaded[name] = load_model(self._choice.folders[name])
        model, modalities = self._loaded[name], given & MODALITIES[name]
        check_input(model, modalities)
        return model, modalities


def summarise(scores: FloatArray, name: str) -> tuple[ByDimension, ByDimension]:
    """Return mean and population standard deviation over windows, of `scores` (windows, 8).

    Silent windows, NaN, are left out. Raises UserError, naming the performance, when all are.
    """
    graded = scores[~np.isnan(scores).any(axis=1)]
    if not len(graded):
        windows = counted(len(scores), "window")
        raise UserError(
            f"{name} has nothing to grade: {windows} without a note or a sound; expected piano "
            "playing: export or record it again"
        )
    mean, spread = graded.mean(axis=0).tolist(), graded.std(axis=0).tolist()
    return dict(zip(DIMENSIONS, mean, strict=True)), dict(zip(DIMENSIONS, spread, strict=True))
