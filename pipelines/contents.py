"""The index page: all that a recipe made of a corpus, with the figures of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from degradation.errors import UserError
from models.evaluation.report.audit_page import TITLES
from models.evaluation.report.environment import page_environment
from models.provenance import provenance
from pipelines.settings import Settings
from pipelines.trained import trained_here
from pipelines.workspace import ASSETS, Workspace
from storage.files import whole_file
from storage.tables import data_files, open_table

INDEX = "index.html"

PAGES: Mapping[str, str] = {
    "evaluation": "What the models learnt to grade",
    "recipe_comparison": "Recipes side by side",
    **dict(TITLES.values()),
    "listening_page": "Every tier, or each fault, to listen to",
    "human_validation": "Beside listeners' ratings",
    "teacher_validation": "Beside piano teachers' ratings",
}
"""The headings of pages, by the asset that makes each, in the order of the index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A page or file that an asset made: its place below the folder of outputs, and its heading."""

    asset: str
    path: str
    title: str
    size: int
    made_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTable:
    """A table as its log describes it."""

    name: str
    asset: str
    version: int
    rows: int
    size: int
    files: int
    made_at: str


def renew_index(
    workspace: Workspace, asset: dg.AssetKey, warn: Callable[[str], None]
) -> dict[str, dg.MetadataValue]:
    """Write the index again after an asset was made; return the link to it.

    What all recipes of a corpus share is on the page of each that has made something. A page that
    cannot be drawn, because another run replaces a file meanwhile, say, ends no run: it stays as it
    was until the next asset is made.
    """
    *recipe, _ = asset.path
    try:
        for name in recipe or [path.parent.name for path in workspace.outputs.glob(f"*/{INDEX}")]:
            page = index_page(workspace, name)
            with whole_file(str(workspace.outputs / name), INDEX) as file:
                file.write(page.encode())
        write_overview(workspace.settings)
    except (OSError, UserError) as error:
        warn(f"the index page stays as it was: {error}")
    shown = workspace.outputs / recipe[0] if recipe else workspace.settings.outputs
    return {"index": dg.MetadataValue.url(workspace.settings.link(shown / INDEX))}


def index_page(workspace: Workspace, recipe: str) -> str:
    """Return the page of all that a recipe has made of a corpus."""
    return (
        page_environment()
        .get_template("index.html.j2")
        .render(
            corpus=workspace.corpus.name,
            recipe=recipe,
            pages=listed(workspace, recipe, ".html"),
            models=[found.cells() for found in trained_here(workspace, recipe)],
            tables=listed_tables(workspace, recipe),
            files=listed(workspace, recipe, ".json", ".csv", ".svg", ".pdf"),
            provenance=provenance(),
        )
    )


def listed(workspace: Workspace, recipe: str, *kinds: str) -> list[Listed]:
    """Return the files of some kinds that assets of a recipe, or of the corpus, have made."""
    own, order = workspace.outputs / recipe, list(PAGES)
    found = [
        Listed(
            asset=(asset := path.relative_to(folder).parts[0]),
            path=f"../{path.relative_to(workspace.outputs).as_posix()}",
            title=PAGES.get(asset, asset.replace("_", " ")),
            size=path.stat().st_size,
            made_at=_time(path.stat().st_mtime),
        )
        for folder, pattern in ((own, "**/*"), (workspace.outputs, "*/*"))
        for path in folder.glob(pattern)
        if path.suffix in kinds and path.name != INDEX and not path.is_relative_to(own / "models")
    ]
    place = {asset: number for number, asset in enumerate(order)}
    return sorted(found, key=lambda one: (place.get(one.asset, len(order)), one.path))


def listed_tables(workspace: Workspace, recipe: str) -> list[ListedTable]:
    """Return the tables of a corpus and a recipe that there are."""
    found = []
    for table in workspace.all_tables([recipe]):
        name = table.url.rsplit("/", 1)[-1]
        opened, files = open_table(table), data_files(table)
        found.append(
            ListedTable(
                name=name,
                asset=ASSETS[name],
                version=int(opened.version()),
                rows=sum(file.rows for file in files),
                size=sum(file.size for file in files),
                files=len(files),
                made_at=_time(opened.history(1)[0]["timestamp"] / 1000),
            )
        )
    return found


def write_overview(settings: Settings) -> None:
    """Write the page that links to every index."""
    found = sorted(settings.outputs.glob(f"*/*/{INDEX}"))
    page = (
        page_environment()
        .get_template("overview.html.j2")
        .render(
            indexes=[
                {
                    "corpus": path.parent.parent.name,
                    "recipe": path.parent.name,
                    "path": path.relative_to(settings.outputs).as_posix(),
                    "made_at": _time(path.stat().st_mtime),
                }
                for path in found
            ]
        )
    )
    with whole_file(str(settings.outputs), INDEX) as file:
        file.write(page.encode())


def overview(settings: Settings) -> Path:
    """Return the place of the page that links to every index."""
    return settings.outputs / INDEX


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
