"""Predictions for a split of the samples, and for clips in memory, by a training's best network."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, Modality
from models.device import accelerator
from models.inference.predict import batches_of, predict
from models.inputs.feature_reader import ExampleParts, Features
from models.inputs.stream import Targets, load_batches
from models.training.checkpoint import check_versions, load_network


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
