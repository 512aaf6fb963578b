"""Predictions for the stored features of a split."""

import pandas as pd

from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, Modality
from models.inference.predict import predict
from models.inference.trained_model import TrainedModel
from models.inputs.feature_reader import ExampleParts
from models.inputs.stream import Targets, load_batches
from models.training.checkpoint import check_versions


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
