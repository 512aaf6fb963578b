"""The digest of the settings and data that determine a trained model."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeling.scores import DIMENSIONS
from models.config.audio import OF_NO_FEATURE
from models.config.experiment import ENCODES_NOTES, MODALITIES, Experiment, ExperimentConfig
from models.config.hearing import HearingConfig
from models.inputs.feature_reader import ExampleParts

if TYPE_CHECKING:
    import pandas as pd

MODEL_VERSION = "8"
"""Raise it when the same settings and data give another model: networks, losses, schedule."""

SETTINGS_NOT_IN_IDENTITY: Mapping[str, Any] = {
    "experiments": True,
    "torch_threads": True,
    "audio_features": OF_NO_FEATURE,
    "training": {"rows_per_read", "loader_workers", "progress_every_s"},
}
"""Settings of how a training is run and reported. Threads and workers change rounding and the order
of examples at most: a model trained with other ones is as good."""


def training_identity(
    experiment: Experiment,
    config: ExperimentConfig,
    parts: ExampleParts,
    samples: "pd.DataFrame",
    pretrained: str | None,
) -> str:
    """Return a digest of what a training follows from, and of nothing else.

    That is: the experiment, those settings that it uses, the features, the scores, and the
    identity of the pretrained MIDI encoder where it starts from one. Parts are named by what they
    hold, so their names stand for the features, wherever the tables lie.
    """
    import pandas as pd

    modalities = MODALITIES[experiment]
    names: list[str] = []
    if "audio" in modalities:
        names += [uri.rsplit("/", 1)[-1] for uri in parts.audio_features]
    if "midi" in modalities:
        names += [uri.rsplit("/", 1)[-1] for uri in parts.midi_tokens]
    settings = config.model_dump_json(exclude=unused_settings(experiment, config))
    labels = samples[["sample_id", "split", *DIMENSIONS]].sort_values("sample_id")
    digest = hashlib.blake2b(digest_size=16)
    start = (pretrained or "random weights") if experiment in ENCODES_NOTES else ""
    about = [MODEL_VERSION, experiment, settings, start, *names]
    digest.update("\n".join(about).encode())
    digest.update(pd.util.hash_pandas_object(labels, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def unused_settings(experiment: Experiment, config: ExperimentConfig) -> dict[str, Any]:
    """Return the settings that an experiment's model does not follow from, as pydantic excludes."""
    modalities = MODALITIES[experiment]
    # What pretraining follows from is in the identity of its result.
    unused: dict[str, Any] = {**SETTINGS_NOT_IN_IDENTITY, "pretraining": True}
    if "audio" not in modalities:
        unused |= {"audio_features": True, "audio_encoder": True, "hearing": True}
    hears = "audio" in modalities and config.hearing is not None
    if hears:  # how the detector was trained is in the names of the features
        unused |= {"hearing": {*HearingConfig.model_fields} - {"detector"}}
    if experiment not in ENCODES_NOTES and not hears:
        unused |= {"midi_encoder": True}
    if experiment == "heuristics_only":
        unused |= {"aggregation": True}
    if len(modalities) == 1:
        unused |= {"fusion": True, "loss": {"contrastive", "modality_heads"}}
    elif experiment != "crossattn":
        unused |= {"fusion": {"heads"}}
    return unused
