"""The pretrained MIDI encoder as the start of an experiment."""

import json
from pathlib import Path

import torch

from degradation.errors import UserError
from models.networks.midi_encoder import NoteEncoder
from models.training.pretraining.result import NAME, load_pretraining, token_version


def load_pretrained(encoder: NoteEncoder, folder: Path) -> None:
    """Give `encoder` the best weights of a pretraining, every one.

    Raises UserError when the folder holds none that finished, or those of an encoder of other
    tokens or sizes. Dropout may differ.
    """
    path = load_pretraining(folder).checkpoint
    described = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    theirs = {**described["midi_encoder"], "tokens_version": described["tokens_version"]}
    ours = {
        **encoder.config.model_dump(mode="json"),
        "tokens_version": token_version(encoder.config),
    }
    differing = [
        f"{key} {theirs.get(key)} instead of {value}"
        for key, value in ours.items()
        if theirs.get(key) != value and key != "dropout"
    ]
    if differing:
        raise UserError(
            f"{path.name} holds another MIDI encoder than the experiment's: "
            f"{', '.join(differing)}; expected the same: materialise "
            f"{NAME} again with this configuration"
        )
    encoder.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
