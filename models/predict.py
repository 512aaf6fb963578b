"""Scores for the samples of a split, by a trained model."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeling.scores import DIMENSIONS
from models.checkpoint import load_network
from models.config.experiment import MODALITIES, Modality
from models.dataset import Targets, load_batches
from models.diagnostics.by_clip import audio_share_by_clip, gate_by_clip
from models.network import Grades
from models.parts import ExampleParts
from models.threads import torch_threads

FUSION_FIGURES = ("audio_share", "gate")
"""Columns of a fusion model's predictions that say what its fusion did in that sample."""


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
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device)
    given = heard or MODALITIES[experiment]
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


def _columns(grades: Grades) -> dict[str, Tensor]:
    """Return the columns of a batch, (B,) each, on the CPU."""
    columns: dict[str, Tensor | None] = dict(zip(DIMENSIONS, grades.scores.T, strict=True))
    if grades.fused is not None:
        columns["audio_share"] = audio_share_by_clip(grades.fused, grades.mask)
        columns["gate"] = gate_by_clip(grades.fused, grades.mask)
    return {name: column.cpu() for name, column in columns.items() if column is not None}
