"""MERT's weights: found, read as HuBERT without remote code, and checked tensor by tensor.

MERT-v1-95M (Li et al. 2023, "MERT: Acoustic Music Understanding Model with Large-Scale
Self-supervised Training", arXiv:2306.00107) is HuBERT (Hsu et al. 2021) taught with music. Its
published `config.json` names Python code to be fetched and run; that code departs from
`transformers.HubertModel` only for the options in `NOT_HUBERT`, so it is never needed.
`models.inputs.mert_frames` makes features with what is loaded here.
"""

import functools
import hashlib
import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, StrictDataclassError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from degradation.errors import UserError
from models.config.audio import MERT_RATE_HZ, MertFeatures
from models.device import accelerator

# Importing transformers takes seconds, which a run without MERT need not spend.
if TYPE_CHECKING:
    from transformers import HubertConfig, HubertModel

WEIGHT_FILES = ("pytorch_model.bin", "model.safetensors")
"""What the weights may be called, MERT's own name first: cached once, it asks no network."""

NOT_HUBERT = ("feature_extractor_cqt", "deepnorm")
"""Options of MERT's `config.json` that make another architecture when true."""

NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mert:
    """A checkpoint in memory, in evaluation mode and on its device.

    `normalise` says whether it was taught with clips of zero mean and unit variance; `unused`
    are the tensors of the file for which HuBERT has no place.
    """

    model: "HubertModel"
    normalise: bool
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    config: Path
    preprocessor: Path
    weights: Path


def load_mert(config: MertFeatures) -> Mert:
    """Return the checkpoint of `config`, on the GPU if there is one.

    Layers above the last of `config.layers` are dropped: nothing reads them. Deterministic, and
    leaves the global generator of random numbers as it was.

    Raises UserError when the checkpoint cannot be had, is broken, is not MERT as `config` expects
    it, or does not hold every parameter of the model.
    """
    from transformers import HubertModel

    files = _files(config)
    normalise = _normalises(files.preprocessor)
    architecture = _architecture(files.config, config)
    tensors = _tensors(files.weights)
    # HubertModel draws its masking vector when built, before the file's takes its place.
    with torch.random.fork_rng(devices=[]):
        model = HubertModel.from_pretrained(
            files.weights.parent,
            config=architecture,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=files.weights.suffix == ".safetensors",
            ignore_mismatched_sizes=True,  # so that the check below can name them
        )
    unused = _check_parameters(model, tensors, files.weights)
    del model.encoder.layers[max(config.layers) :]
    device = torch.device(accelerator())
    model.to(device)  # type: ignore[arg-type]  # transformers hides nn.Module's signature
    return Mert(model=model, normalise=normalise, unused=unused)


def warm_mert(config: MertFeatures) -> Mert:
    """Return the checkpoint of `config`, loaded once a process unless its files change."""
    return _warm(config, mert_identity(config))


def mert_identity(config: MertFeatures) -> str:
    """Return what names the checkpoint: hub id and commit, or a digest of the local files.

    A file is read again only when its size or time of change is another. Raises UserError when
    the folder is incomplete or the revision is not a commit.
    """
    if config.revision is not None:
        return f"{config.source}@{_commit(config.source, config.revision)}"
    files = _files(config)
    digests = [
        _digest(path, path.stat().st_mtime_ns, path.stat().st_size)
        for path in (files.config, files.preprocessor, files.weights)
    ]
    return "sha256:" + hashlib.sha256("".join(digests).encode()).hexdigest()


@functools.lru_cache(maxsize=1)
def _warm(config: MertFeatures, identity: str) -> Mert:
    return load_mert(config)


@functools.lru_cache(maxsize=16)
def _digest(path: Path, modified_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(config: MertFeatures) -> _Files:
    return _Files(
        config=_file(config, ("config.json",)),
        preprocessor=_file(config, ("preprocessor_config.json",)),
        weights=_file(config, WEIGHT_FILES),
    )


def _file(config: MertFeatures, names: tuple[str, ...]) -> Path:
    """Return the first of `names` that the checkpoint has."""
    if config.revision is None:
        return _local_file(Path(config.source), names)
    source, revision = config.source, _commit(config.source, config.revision)
    for name in names:
        try:
            return Path(hf_hub_download(source, name, revision=revision))
        except (EntryNotFoundError, OSError, ValueError) as error:
            reason = _first_line(error)
    raise UserError(
        f"cannot have {' or '.join(names)} of {source}@{revision} ({reason}); expected a "
        "checkpoint on the hub or in its cache: correct source and revision, or download it "
        "elsewhere, set source to its folder and revision to null"
    )


def _commit(source: str, revision: str) -> str:
    if not re.fullmatch("[0-9a-f]{40}", revision):
        raise UserError(
            f"revision {revision!r} of {source} can come to mean other weights; expected the 40 "
            "hexadecimal digits of a commit: copy them from the hub's list of commits, or set "
            "revision to null if source is a folder"
        )
    return revision


def _local_file(folder: Path, names: tuple[str, ...]) -> Path:
    if not folder.is_dir():
        raise UserError(
            f"source {str(folder)!r} is not a folder; without a revision a folder is expected: "
            "correct the path or, if it is a hub id, set revision to a commit"
        )
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise UserError(
        f"the folder {folder} has no {' or '.join(names)}; expected a whole checkpoint: copy the "
        "file there too"
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); copy the checkpoint again") from error
    if not isinstance(content, dict):
        raise UserError(
            f"{path} must hold a JSON object, got {type(content).__name__}: copy the checkpoint "
            "again"
        )
    return content


def _normalises(path: Path) -> bool:
    preprocessor = _json(path)
    rate_hz, normalise = preprocessor.get("sampling_rate"), preprocessor.get("do_normalize")
    if rate_hz != MERT_RATE_HZ:
        raise UserError(
            f"{path} says sampling_rate {rate_hz}; expected MERT's {MERT_RATE_HZ} Hz: choose a "
            "MERT-v1 checkpoint"
        )
    if not isinstance(normalise, bool):
        raise UserError(
            f"{path} says do_normalize {normalise}; expected true or false: copy the checkpoint "
            "again"
        )
    return normalise


def _architecture(path: Path, config: MertFeatures) -> "HubertConfig":
    """Return HuBERT's configuration from MERT's: the same keys, without the names of its code."""
    from transformers import HubertConfig

    content = _json(path)
    for option in NOT_HUBERT:
        if content.get(option):
            raise UserError(
                f"{path} says {option} {content[option]}; expected false, as HuBERT knows no such "
                "thing: choose a MERT checkpoint without it"
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
            f"the weights {path} cannot be read ({_first_line(error)}); expected a whole "
            "file of tensors: download it again"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise UserError(f"{path} must hold tensors by name: choose a checkpoint of transformers")
    return content


def _check_parameters(
    model: "HubertModel", tensors: dict[str, Tensor], path: Path
) -> tuple[str, ...]:
    """Return the names of the file's tensors that have no place in the model, sorted.

    Every parameter and buffer must equal the file's to the bit, whatever the loader says of it:
    what a loader does not find it fills with random numbers. MERT's older file names the weights
    of its positional convolution as torch did before 2.0, which loaders have overlooked. The
    masking vector, though silent in inference, is no exception: MERT's file has it.

    Raises UserError with the names of the others.
    """
    held = {_current_name(name): (name, tensor) for name, tensor in tensors.items()}
    state = model.state_dict()
    missing = [name for name in state if name not in held]
    if missing:
        raise UserError(
            f"{path} lacks {len(missing)} of the model's {len(state)} tensors: {_some(missing)}; "
            "expected every one: download it again, or choose a whole checkpoint"
        )
    other = [name for name in state if not torch.equal(state[name], held[name][1].float())]
    if other:
        raise UserError(
            f"{len(other)} of the model's {len(state)} tensors are not those of {path}: "
            f"{_some(other)}; expected equal numbers of equal shape: download it again, or choose "
            "the config.json that belongs to it"
        )
    return tuple(sorted(name for current, (name, _) in held.items() if current not in state))


def _current_name(name: str) -> str:
    """Return the name that torch gives a weight-normalised parameter since 2.0."""
    for old, current in (("weight_g", "original0"), ("weight_v", "original1")):
        if name.endswith(f".{old}"):
            return f"{name.removesuffix(old)}parametrizations.weight.{current}"
    return name


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
