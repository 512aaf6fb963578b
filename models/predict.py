"""Scores for the samples of a split, by a trained model."""

from pathlib import Path

import pandas as pd
import torch

from labeling.scores import DIMENSIONS
from models.checkpoint import check_versions, load_network
from models.compute import accelerator, torch_threads
from models.config.experiment import MODALITIES, Modality
from models.dataset import Targets, load_batches
from models.parts import ExampleParts


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
    labels' range.
    """
    network, experiment, config = load_network(checkpoint_dir)
    device = torch.device(accelerator())
    network.to(device)
    given = heard or MODALITIES[experiment]
    check_versions(checkpoint_dir, config, given)
    loader = load_batches(parts, Targets(samples, split), config, given, None)
    sample_ids: list[str] = []
    scores: list[torch.Tensor] = []
    with torch_threads(config.torch_threads), torch.inference_mode():
        for batch in loader:
            sample_ids.extend(batch.sample_ids)
            scores.append(network(batch.to(device)).scores.cpu())
    table = torch.cat(scores).numpy() if scores else torch.zeros(0, len(DIMENSIONS)).numpy()
    predicted = pd.DataFrame(table, columns=list(DIMENSIONS))
    predicted.insert(0, "sample_id", pd.Series(sample_ids, dtype=object))
    return predicted
