"""Predictions of a trained model: the loop over batches, a split, the windows of a performance."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, ExperimentConfig, Modality
from models.device import torch_threads
from models.diagnostics.by_clip import audio_share_by_clip, gate_by_clip
from models.hearing.detector import NoteDetector
from models.inference.trained_model import TrainedModel
from models.inference.windows import Window
from models.inputs.batch import Batch, Example, collate
from models.inputs.feature_reader import ExampleParts, Features
from models.inputs.feature_writer import audio_features, heard_features, note_features
from models.inputs.stream import Targets, load_batches
from models.networks.network import GradingNetwork
from models.training.checkpoint import check_versions

FloatArray = NDArray[np.float64]

MOST_NOTE_PAIRS = 1 << 24
"""Pairs of notes in a batch, as attention sees them: 64 ordinary windows, or a few dense ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """What a network predicts for N clips, in the order of its batches; float32.

    `scores` (N, 8) are the head's own: not clipped to the labels' range. `standardised` (N,
    outputs) are the outputs that they follow from. `by_clip` holds diagnostics (N,) of a fusion
    model by name: `audio_share` (see `FusionDiagnostics`) and, where there is a gate, `gate`, its
    mean over channels and steps: 1 is audio.
    """

    sample_ids: tuple[str, ...]
    scores: NDArray[np.float32]
    standardised: NDArray[np.float32]
    by_clip: Mapping[str, NDArray[np.float32]]


def predict(
    network: GradingNetwork, batches: Iterable[Batch], threads: int, *, by_clip: bool = False
) -> Predictions:
    """Return what a network predicts for every clip of `batches`; diagnostics if `by_clip`.

    It runs on the device that it is on. On the CPU, torch has `threads` threads meanwhile.
    """
    device = next(network.parameters()).device
    sample_ids: list[str] = []
    empty = np.zeros((0, network.head.grade.out_features), np.float32)
    columns = defaultdict(list, scores=[empty], standardised=[empty])
    with torch_threads(threads), torch.inference_mode():
        for batch in batches:
            grades = network(batch.to(device))
            found = {"scores": grades.scores, "standardised": grades.standardised}
            if by_clip and grades.fused is not None:
                found["audio_share"] = audio_share_by_clip(grades.fused, grades.mask)
                if (gate := gate_by_clip(grades.fused, grades.mask)) is not None:
                    found["gate"] = gate
            for name, tensor in found.items():
                columns[name].append(tensor.cpu().numpy())
            sample_ids.extend(batch.sample_ids)
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Predictions(
        sample_ids=tuple(sample_ids),
        scores=joined.pop("scores"),
        standardised=joined.pop("standardised"),
        by_clip=joined,
    )


def predict_split(
    model: TrainedModel,
    parts: ExampleParts,
    samples: pd.DataFrame,
    split: str,
    *,
    modalities: frozenset[Modality] | None = None,
) -> pd.DataFrame:
    """Return one row a sample of `split`: `sample_id`, the eight scores, diagnostics by clip.

    `modalities` is what the model is given, by default all that its experiment reads: a fusion
    model answers with one modality alone.
    """
    given = modalities or MODALITIES[model.experiment]
    check_versions(model.folder, model.config, given)
    loader = load_batches(parts, Targets(samples, split), model.config, given, None)
    found = predict(model.network, loader, model.config.torch_threads, by_clip=True)
    return pd.DataFrame(
        {
            "sample_id": pd.Series(found.sample_ids, dtype=object),
            **dict(zip(DIMENSIONS, found.scores.T, strict=True)),
            **found.by_clip,
        }
    )


def batches_of(clips: Sequence[Features], config: ExperimentConfig, size: int) -> Iterator[Batch]:
    """Yield clips in their order, `size` a batch."""
    for first in range(0, len(clips), size):
        yield collate([Example(features=clip) for clip in clips[first : first + size]], config)


def predict_windows(windows: Iterable[Window], model: TrainedModel) -> FloatArray:
    """Return the scores of each window, (windows, 8), within 0-100; NaN where it is silent.

    Windows are read as they are needed. Raises UserError when the network gives no finite scores.
    """
    silent: list[bool] = []

    def batches() -> Iterator[Batch]:
        waiting = iter(windows)
        while group := list(islice(waiting, model.config.training.batch_size)):
            silent.extend(window.silent for window in group)
            if sounding := [window for window in group if not window.silent]:
                clips = window_features(sounding, model.config, model.network.detector)
                for few in few_pairs(clips):
                    yield from batches_of(few, model.config, len(few))

    found = predict(model.network, batches(), model.config.torch_threads)
    predicted = found.scores.astype(np.float64)
    if not np.isfinite(predicted).all():
        raise UserError(
            f"{model.experiment} gives scores that are no numbers; expected sound within ±1 full "
            "scale: lower its level, or train the model again"
        )
    scores = np.full((len(silent), len(DIMENSIONS)), np.nan)
    scores[~np.array(silent, bool)] = np.clip(predicted, 0, 100)
    return scores


def few_pairs(clips: Iterable[Features]) -> Iterator[list[Features]]:
    """Yield clips together as long as their notes, played or heard, make few pairs."""
    group: list[Features] = []
    most = 0
    for clip in clips:
        notes = max(len(of.tokens) if of else 0 for of in (clip.notes, clip.heard))
        if group and (len(group) + 1) * max(most, notes) ** 2 > MOST_NOTE_PAIRS:
            yield group
            group, most = [], 0
        group.append(clip)
        most = max(most, notes)
    if group:
        yield group


def window_features(
    windows: Sequence[Window], config: ExperimentConfig, detector: NoteDetector | None
) -> list[Features]:
    """Return what a model reads of windows, computed with its settings and detector."""
    sounds = [window.sound for window in windows if window.sound is not None]
    audio = audio_features(sounds, config.audio_features) if sounds else [None] * len(windows)
    tokens = config.midi_encoder.tokens
    heard = heard_features(sounds, detector, tokens) if sounds else [None] * len(windows)
    return [
        Features(
            sample_id="",
            duration_s=window.duration_s,
            audio=frames,
            notes=None if window.notes is None else note_features(window.notes, tokens),
            heard=notes,
        )
        for window, frames, notes in zip(windows, audio, heard, strict=True)
    ]
