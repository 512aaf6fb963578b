"""MERT as a HuBERT model: loaded without remote code and checked tensor by tensor.

MERT-v1-95M (Li et al. 2023, "MERT: Acoustic Music Understanding Model with Large-Scale
Self-supervised Training", arXiv:2306.00107) is HuBERT (Hsu et al. 2021) trained on music. Its
published `config.json` names Python code to fetch and run. That code differs from
`transformers.HubertModel` only for the options in `NOT_HUBERT`, so it is not needed.
"""

import functools
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch
from huggingface_hub.errors import StrictDataclassError
from pydantic import BaseModel, StrictBool, TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from degradation.config_file import explain
from degradation.errors import UserError
from models.config.audio import MertFeatures
from models.device import accelerator
from models.inputs.mert_files import find_files, first_line, mert_identity

# Importing transformers takes seconds, which a run without MERT need not spend.
if TYPE_CHECKING:
    from transformers import HubertConfig, HubertModel

NOT_HUBERT = ("feature_extractor_cqt", "deepnorm")
"""Options of MERT's `config.json` that make another architecture when true."""

NAMES_SHOWN = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mert:
    """A checkpoint in memory, in evaluation mode and on its device.

    `normalise` is whether it was trained on clips of zero mean and unit variance.
    """

    model: "HubertModel"
    normalise: bool


def load_mert(config: MertFeatures) -> Mert:
    """Return the checkpoint of `config`, on the GPU if there is one.

    Layers above the last of `config.layers` are dropped: nothing reads them. The file's tensors
    that HuBERT lacks are not used. Deterministic; the global random generator is left unchanged.

    Raises UserError when the checkpoint is missing or broken, is not the MERT that `config`
    describes, or lacks a parameter of the model.
    """
    from transformers import HubertModel

    files = find_files(config)
    normalise = _read_json(files.preprocessor, _Preprocessor).do_normalize
    architecture = _architecture(files.config, config)
    tensors = _tensors(files.weights)
    # HubertModel draws its first weights when built, before the file's take their place.
    with torch.random.fork_rng(devices=[]):
        model = HubertModel(architecture)
    _fill(model, tensors, files.weights)
    del model.encoder.layers[max(config.layers) :]
    module: nn.Module = model  # transformers hides its signatures
    module.eval().to(accelerator())
    return Mert(model=model, normalise=normalise)


def warm_mert(config: MertFeatures) -> Mert:
    """Return the checkpoint of `config`, loaded once per process unless its files change."""
    return _warm(config, mert_identity(config))


@functools.lru_cache(maxsize=1)
def _warm(config: MertFeatures, identity: str) -> Mert:
    return load_mert(config)


class _Preprocessor(BaseModel):
    """What of `preprocessor_config.json` matters."""

    sampling_rate: Literal[24_000]
    do_normalize: StrictBool


def _read_json(path: Path, kind: type[T]) -> T:
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(
            f"{path} is not that of a MERT-v1 checkpoint ({explain(error)}); copy it again, or "
            "choose such a checkpoint"
        ) from error


def _architecture(path: Path, config: MertFeatures) -> "HubertConfig":
    """Return HuBERT's configuration: MERT's keys, except those that name its code."""
    from transformers import HubertConfig

    content = _read_json(path, dict[str, Any])
    for option in NOT_HUBERT:
        if content.get(option):
            raise UserError(
                f"{path} says {option} {content[option]}; expected false, as HuBERT has no such "
                "option: choose a MERT checkpoint without it"
            )
    remote = ("architectures", "auto_map", "model_type")
    try:
        architecture = HubertConfig.from_dict(
            {key: value for key, value in content.items() if key not in remote}
        )
    except (StrictDataclassError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path} does not describe a HuBERT ({reason}); copy the checkpoint again"
        ) from error
    if architecture.hidden_size != config.width:
        raise UserError(
            f"{path} says hidden_size {architecture.hidden_size}; expected the experiment's width "
            f"{config.width}: change one of the two"
        )
    if architecture.num_hidden_layers < max(config.layers):
        raise UserError(
            f"{path} says num_hidden_layers {architecture.num_hidden_layers}; expected at least "
            f"{max(config.layers)}, the last of the experiment's layers: ask for lower ones"
        )
    return architecture


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        SafetensorError,
        pickle.UnpicklingError,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise UserError(
            f"the weights {path} cannot be read ({first_line(error)}); expected a whole "
            "file of tensors: download it again"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise UserError(f"{path} must hold tensors by name: choose a checkpoint of transformers")
    return content


def _fill(model: "HubertModel", tensors: dict[str, Tensor], path: Path) -> None:
    """Give every parameter and buffer the file's numbers.

    `from_pretrained` is not used: it fills what it does not find with random numbers, and has
    missed the positional convolution of MERT's older file, whose weights are named as in torch
    before 2.0. Raises UserError, naming the tensors, when some are missing or of another shape.
    """
    held = {_current_name(name): tensor for name, tensor in tensors.items()}
    state = model.state_dict()
    missing = [name for name in state if name not in held]
    if missing:
        raise UserError(
            f"{path} lacks {len(missing)} of the model's {len(state)} tensors: {_some(missing)}; "
            "expected every one: download it again, or choose a whole checkpoint"
        )
    other = [name for name in state if state[name].shape != held[name].shape]
    if other:
        raise UserError(
            f"{path} has {len(other)} of the model's {len(state)} tensors in another shape: "
            f"{_some(other)}; expected that of config.json: download it again, or choose the "
            "config.json that belongs to it"
        )
    model.load_state_dict({name: held[name] for name in state})


def _current_name(name: str) -> str:
    """Return a weight-normalised parameter's name as torch writes it since 2.0."""
    for old, current in (("weight_g", "original0"), ("weight_v", "original1")):
        if name.endswith(f".{old}"):
            return f"{name.removesuffix(old)}parametrizations.weight.{current}"
    return name


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
