"""The JSON document that an asset of a recipe writes, named as the asset."""

from pathlib import Path
from typing import TypeVar

from degradation.errors import UserError
from models.document import read_document, write_document
from pipelines.workspace import Workspace

T = TypeVar("T")


def document_file(workspace: Workspace, recipe_name: str, asset: str) -> Path:
    """Return the place of an asset's document, whether it exists or not."""
    return workspace.output(recipe_name, asset) / f"{asset}.json"


def write_made(workspace: Workspace, recipe_name: str, asset: str, document: object) -> Path:
    """Write an asset's document and return its path."""
    path = document_file(workspace, recipe_name, asset)
    with workspace.write(path.parent):
        write_document(path, document)
    return path


def read_if_made(workspace: Workspace, recipe_name: str, asset: str, kind: type[T]) -> T | None:
    """Return an asset's document, None where the asset was not made."""
    path = document_file(workspace, recipe_name, asset)
    workspace.fetch(path.parent)
    return read_document(path, kind) if path.exists() else None


def read_made(workspace: Workspace, recipe_name: str, asset: str, kind: type[T]) -> T:
    """Return an asset's document. Raises UserError where the asset was not made."""
    found = read_if_made(workspace, recipe_name, asset, kind)
    if found is None:
        path = document_file(workspace, recipe_name, asset)
        raise UserError(f"{path} is missing; expected what asset {asset} makes: materialise it")
    return found
