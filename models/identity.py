"""What a training follows from, as a digest: a model with another one is another model."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import pandas as pd

from labeling.scores import DIMENSIONS
from models.config import MODALITIES, Experiment, ExperimentConfig, Modality
from models.parts import ExampleParts

OF_THE_MACHINE: Mapping[str, Any] = {
    "experiments": True,
    "torch_threads": True,
    "training": {"rows_per_read", "loader_workers", "progress_every_s"},
}
"""Settings of how a training is run and told. Threads and workers change rounding and the order
of examples at most: a model trained with other ones is as good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a model comes from: its training's identity, and the versions of the tables read."""

    identity: str
    table_versions: Mapping[str, int]


def training_identity(
    experiment: Experiment, config: ExperimentConfig, parts: ExampleParts, samples: pd.DataFrame
) -> str:
    """Return a digest of what a training follows from, and of nothing else.

    That is: the experiment, those settings that it uses, the features and the scores. Parts are
    named by what they hold, so their names stand for the features, wherever the tables lie.
    """
    unseen = set(get_args(Modality)) - MODALITIES[experiment]
    unused = {f"{modality}_encoder": True for modality in unseen}
    settings = config.model_dump_json(exclude={**OF_THE_MACHINE, **unused})
    names = [uri.rsplit("/", 1)[-1] for uri in (*parts.audio_features, *parts.midi_tokens)]
    labels = samples[["sample_id", "split", *DIMENSIONS]].sort_values("sample_id")
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\n".join([experiment, settings, *names]).encode())
    digest.update(pd.util.hash_pandas_object(labels, index=False).to_numpy().tobytes())
    return digest.hexdigest()
