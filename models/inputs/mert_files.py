"""The files of a MERT checkpoint: where they lie, and what identifies them. Imports no torch."""

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from degradation.errors import UserError
from models.config.audio import MertFeatures

WEIGHT_FILES = ("pytorch_model.bin", "model.safetensors")
"""Possible names of the weights; MERT's own comes first, so that a cached one asks no network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MertFiles:
    """The three files of a checkpoint."""

    config: Path
    preprocessor: Path
    weights: Path


def find_files(config: MertFeatures) -> MertFiles:
    """Return a checkpoint's files, from a local folder or from the hub and its cache.

    Raises UserError when one is missing or the revision is not a commit.
    """
    return MertFiles(
        config=_file(config, ("config.json",)),
        preprocessor=_file(config, ("preprocessor_config.json",)),
        weights=_file(config, WEIGHT_FILES),
    )


def mert_identity(config: MertFeatures) -> str:
    """Return the checkpoint's identity: hub id and commit, or a digest of the local files.

    A file is digested again only when its size or modification time changes. Raises UserError when
    the folder is incomplete or the revision is not a commit.
    """
    if config.revision is not None:
        return f"{config.source}@{_commit(config.source, config.revision)}"
    files = find_files(config)
    digests = [
        _digest(path, path.stat().st_mtime_ns, path.stat().st_size)
        for path in (files.config, files.preprocessor, files.weights)
    ]
    return "sha256:" + hashlib.sha256("".join(digests).encode()).hexdigest()


@functools.lru_cache(maxsize=16)
def _digest(path: Path, modified_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file(config: MertFeatures, names: tuple[str, ...]) -> Path:
    """Return the first of `names` that the checkpoint has."""
    if config.revision is None:
        return _local_file(Path(config.source), names)

    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    source, revision = config.source, _commit(config.source, config.revision)
    for name in names:
        try:
            return Path(hf_hub_download(source, name, revision=revision))
        except (EntryNotFoundError, OSError, ValueError) as error:
            reason = first_line(error)
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


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its type's name when it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
