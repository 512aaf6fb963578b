"""The files of a pretraining: the encoder's best weights, and the state to go on from.

As in `models.training.checkpoint`: plain data, read with `weights_only=True`, replaced atomically.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from degradation.errors import UserError
from models.config.midi import MidiEncoderConfig
from models.networks.midi_encoder import NoteEncoder
from models.training.files import RESUME_FILE, replace_file, write_json
from models.training.pretraining.history import PretrainingEpoch
from models.training.pretraining.result import (
    BEST_FILES,
    NAME,
    find_best_encoder,
    load_pretraining,
    token_version,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingState:
    """Everything that the next epoch follows from; `identity` says of which pretraining.

    `weights` are those of the encoder and the heads.
    """

    identity: str
    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    steps_done: int
    history: tuple[PretrainingEpoch, ...]


def save_state(out_dir: Path, state: PretrainingState) -> None:
    """Write the state after an epoch, in place of the one before."""
    content = {
        "identity": state.identity,
        "weights": state.weights,
        "optimizer": state.optimizer,
        "steps_done": state.steps_done,
        "history": [asdict(record) for record in state.history],
    }
    replace_file(out_dir / RESUME_FILE, lambda partial: torch.save(content, partial))


def load_state(out_dir: Path, identity: str) -> PretrainingState | None:
    """Return the state to go on from, None when there is none or it is another pretraining's."""
    path = out_dir / RESUME_FILE
    if not path.exists():
        return None
    content = torch.load(path, map_location="cpu", weights_only=True)
    if content["identity"] != identity:
        return None
    history = tuple(PretrainingEpoch(**record) for record in content["history"])
    return PretrainingState(**{**content, "history": history})


def save_best_encoder(
    out_dir: Path,
    identity: str,
    data_version: str,
    encoder: MidiEncoderConfig,
    record: PretrainingEpoch,
    weights: Mapping[str, Tensor],
) -> None:
    """Write `midi_pretrain-epoch=NN-val_loss=X.XXXX.pt` and `.json`; drop the earlier best."""
    stem = f"{NAME}-epoch={record.epoch:02d}-val_loss={record.val_loss:.4f}"
    described = {
        "identity": identity,
        "data_version": data_version,
        "tokens_version": token_version(encoder),
        "midi_encoder": encoder.model_dump(mode="json"),
        **asdict(record),
    }
    write_json(out_dir / f"{stem}.json", described)
    replace_file(out_dir / f"{stem}.pt", lambda partial: torch.save(dict(weights), partial))
    for other in out_dir.glob(BEST_FILES):
        if other.stem != stem:
            other.unlink()


def load_pretrained(encoder: NoteEncoder, folder: Path) -> str:
    """Give `encoder` the best weights of a pretraining, every one; return its identity.

    Raises UserError when the folder holds none that finished, or those of an encoder of other
    tokens or sizes. Dropout may differ.
    """
    identity = load_pretraining(folder).identity
    path = find_best_encoder(folder)
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
    return identity
