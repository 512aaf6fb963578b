"""Scores for the samples of a split, or for clips in memory, by a trained model."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, Modality
from models.device import accelerator, torch_threads
from models.diagnostics.by_clip import audio_share_by_clip, gate_by_clip
from models.inputs.batch import Example, collate
from models.inputs.feature_reader import ExampleParts, Features
from models.inputs.stream import Targets, load_batches
from models.networks.network import Grades
from models.training.checkpoint import check_versions, load_network


def predict(
    checkpoint_dir: Path,
    parts: ExampleParts,
    samples: pd.DataFrame,
    split: str,
    *,
    heard: frozenset[Modality] | None = None,
) -> pd.DataFrame:
    """Return one row a sample of `split`: `sample_id` and the eight predicted scores.

    `heard` is what the model is given, by default all that its experiment hears: a fusion
    model answers with one modality alone. Scores are the head's own: they are not clipped to the
    labels' range. A fusion model's table has `audio_share` besides (see `FusionDiagnostics`) and,
    where there is a gate, `gate`, its mean over channels and steps: 1 is audio.
    """
    network, experiment, config = load_network(checkpoint_dir)
    device = torch.device(accelerator())
    network.to(device)
    given = heard or MODALITIES[experiment]
    check_versions(checkpoint_dir, config, given)
    loader = load_batches(parts, Targets(samples, split), config, given, None)
    sample_ids: list[str] = []
    found: list[dict[str, Tensor]] = []
    with torch_threads(config.torch_threads), torch.inference_mode():
        for batch in loader:
            sample_ids.extend(batch.sample_ids)
            found.append(_columns(network(batch.to(device))))
    columns: dict[str, NDArray[np.float32]] = dict.fromkeys(DIMENSIONS, np.zeros(0, np.float32))
    if found:
        columns = {name: torch.cat([one[name] for one in found]).numpy() for name in found[0]}
    return pd.DataFrame({"sample_id": pd.Series(sample_ids, dtype=object), **columns})


def predict_clips(checkpoint_dir: Path, clips: Sequence[Features]) -> NDArray[np.float64]:
    """Return the head's own scores of clips, (clips, 8), as `predict` does for stored ones.

    A clip holds at least what the experiment hears, made with its settings.
    """
    network, experiment, config = load_network(checkpoint_dir)
    device = torch.device(accelerator())
    network.to(device)
    heard = MODALITIES[experiment]
    unlabelled = np.zeros(len(DIMENSIONS), np.float32)
    examples = [
        Example(
            features=replace(
                clip,
                audio=clip.audio if "audio" in heard else None,
                tokens=clip.tokens if "midi" in heard else None,
            ),
            scores=unlabelled,
        )
        for clip in clips
    ]
    size = config.training.batch_size
    scores = [np.zeros((0, len(DIMENSIONS)))]
    with torch_threads(config.torch_threads), torch.inference_mode():
        for first in range(0, len(examples), size):
            batch = collate(examples[first : first + size], config).to(device)
            scores.append(network(batch).scores.double().cpu().numpy())
    return np.concatenate(scores)


def _columns(grades: Grades) -> dict[str, Tensor]:
    """Return the columns of a batch, (B,) each, on the CPU."""
    columns: dict[str, Tensor | None] = dict(zip(DIMENSIONS, grades.scores.T, strict=True))
    if grades.fused is not None:
        columns["audio_share"] = audio_share_by_clip(grades.fused, grades.mask)
        columns["gate"] = gate_by_clip(grades.fused, grades.mask)
    return {name: column.cpu() for name, column in columns.items() if column is not None}
