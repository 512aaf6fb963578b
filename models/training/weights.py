"""The weights of a model as numbers: read back, digested, and compared bit for bit."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from degradation.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How many of a network's numbers have other bits than another's, and by how much at most."""

    numbers: int
    differing: int
    largest: float


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights in a file, which are float32."""
    found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return found


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """Return a digest of every bit of the weights, and of their names and shapes."""
    digest = hashlib.blake2b(digest_size=16)
    for name, weight in weights.items():
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
        digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def compare_weights(one: Path, other: Path) -> Difference:
    """Compare the weights in two files. Raises UserError for networks of other shapes."""
    ours, theirs = read_weights(one), read_weights(other)
    shapes = [{name: weight.shape for name, weight in each.items()} for each in (ours, theirs)]
    if shapes[0] != shapes[1]:
        raise UserError(
            f"{one} and {other} hold networks of different shapes; expected the same: the code "
            "that makes the network has changed"
        )
    pairs = [(ours[name].flatten(), theirs[name].flatten()) for name in ours]
    return Difference(
        numbers=sum(len(a) for a, _ in pairs),
        differing=sum(int((a.view(torch.int32) != b.view(torch.int32)).sum()) for a, b in pairs),
        largest=max(float((a - b).abs().max()) for a, b in pairs),
    )
