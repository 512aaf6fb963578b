"""What `reproduce` finds where it compares a record with what is there today."""

from collections.abc import Iterator
from dataclasses import dataclass

from degradation.errors import UserError
from models.provenance import Provenance, provenance
from pipelines.settings import find_recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An item of a record, as it was, and how it differs today with the way out ("": it is same).

    Where one is `missing` what the record is of cannot be made again.
    """

    item: str
    was: str
    fault: str = ""
    missing: bool = False

    def __str__(self) -> str:
        word = ("missing" if self.missing else "differs") if self.fault else "same"
        return f"{word:<8} {self.item}: {self.fault or self.was}"


def compare(item: str, was: str, found: str | None, way_out: str) -> Finding:
    """Return the finding of an item that was `was` and is `found`."""
    fault = f"expected {was}, got {found or 'none'}: {way_out}"
    return Finding(item=item, was=was, fault="" if found == was else fault)


def compare_tier(recipe: str, tier: str, was: str, way_out: str) -> Finding:
    """Compare the digest of a recipe's tier."""
    try:
        found = find_recipe(recipe).tier_digest(tier)
    except UserError as error:
        found = str(error)
    return compare(f"recipe {recipe}, tier {tier}", was, found, way_out)


def compare_code(made: Provenance) -> Iterator[Finding]:
    """Compare the source code, and the version of each package."""
    today = provenance()
    way_out = f"git checkout {made.commit}"
    if made.commit is None or made.commit.endswith("-dirty"):
        way_out = f"no commit holds that code (it was {made.commit or 'no checkout'})"
    yield compare("source code", made.source, today.source, way_out)
    for name, version in made.versions.items():
        way_out = f"pip install {name}=={version}" if name != "python" else "install that Python"
        yield compare(name, version, today.versions.get(name), way_out)
