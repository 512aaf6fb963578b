"""Predictions of a trained network: the loop over batches, and what it is run on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, ExperimentConfig, Modality
from models.device import accelerator, torch_threads
from models.diagnostics.by_clip import audio_share_by_clip, gate_by_clip
from models.inputs.batch import Batch, Example, collate
from models.inputs.feature_reader import ExampleParts, Features
from models.inputs.stream import Targets, load_batches
from models.networks.network import GradingNetwork
from models.training.checkpoint import check_versions, load_network


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
    """Return what `network` predicts for every clip of `batches`, on the device that it is on.

    `threads` is how many torch may use on the CPU. Diagnostics are computed with `by_clip` alone.
    """
    device = next(network.parameters()).device
    outputs = network.head.grade.out_features
    sample_ids: list[str] = []
    columns: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
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
    nothing = np.zeros((0, outputs), np.float32)
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Predictions(
        sample_ids=tuple(sample_ids),
        scores=whole.pop("scores", nothing),
        standardised=whole.pop("standardised", nothing),
        by_clip=whole,
    )


def batches_of(clips: Sequence[Features], config: ExperimentConfig, size: int) -> Iterator[Batch]:
    """Yield clips in their order, `size` a batch."""
    for first in range(0, len(clips), size):
        yield collate([Example(features=clip) for clip in clips[first : first + size]], config)


def predict_split(
    checkpoint_dir: Path,
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
    network, experiment, config = load_network(checkpoint_dir)
    given = modalities or MODALITIES[experiment]
    check_versions(checkpoint_dir, config, given)
    loader = load_batches(parts, Targets(samples, split), config, given, None)
    found = predict(network.to(accelerator()), loader, config.torch_threads, by_clip=True)
    return pd.DataFrame(
        {
            "sample_id": pd.Series(found.sample_ids, dtype=object),
            **dict(zip(DIMENSIONS, found.scores.T, strict=True)),
            **found.by_clip,
        }
    )


def predict_clips(checkpoint_dir: Path, clips: Sequence[Features]) -> NDArray[np.float64]:
    """Return the scores of clips in memory, (clips, 8), as `predict_split` does for stored ones.

    A clip holds at least what the experiment reads, made with its settings.
    """
    network, experiment, config = load_network(checkpoint_dir)
    read = MODALITIES[experiment]
    given = [
        replace(
            clip,
            audio=clip.audio if "audio" in read else None,
            tokens=clip.tokens if "midi" in read else None,
        )
        for clip in clips
    ]
    batches = batches_of(given, config, config.training.batch_size)
    found = predict(network.to(accelerator()), batches, config.torch_threads)
    return found.scores.astype(np.float64)
