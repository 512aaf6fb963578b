"""The JSON document of an audit, named as its asset, and the page drawn from it."""

from pathlib import Path
from typing import TypeVar

import dagster as dg

from degradation.errors import UserError
from models.document import read_document
from models.evaluation.report.audit_page import TITLES, Audit, audit_page
from models.evaluation.report.environment import write_report
from pipelines.workspace import Workspace

T = TypeVar("T")


def document_file(workspace: Workspace, recipe_name: str, asset: str) -> Path:
    """Return the place of an asset's document, whether it exists or not."""
    return workspace.output(recipe_name, asset) / f"{asset}.json"


def write_audit(
    workspace: Workspace, recipe_name: str, audit: Audit
) -> dict[str, dg.MetadataValue]:
    """Write an audit's document and page; return where they are, as Dagster shows it."""
    name, _ = TITLES[type(audit)]
    page = audit_page(audit, recipe_name, workspace.corpus.name)
    with workspace.write(workspace.output(recipe_name, name)) as folder:
        paths = write_report(audit, page, folder, name)
    return {
        "page": dg.MetadataValue.url(workspace.settings.link(paths.html)),
        "json": dg.MetadataValue.path(paths.json),
    }


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
