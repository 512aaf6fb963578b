"""What a verification found in each table: damage, and what is whole but out of date."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from degradation.counted import counted
from pipelines.partitions import partition_key
from pipelines.workspace import Workspace
from storage.integrity import MISSING
from storage.tables import DataFile, Table, partition_of

SHOWN_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong in a table or one of its files, and the way out.

    What is stale is whole, but was made from something that has changed since.
    """

    where: str
    what: str
    way_out: str
    is_stale: bool = False

    def __str__(self) -> str:
        """Return one line."""
        return f"{'stale: ' if self.is_stale else ''}{self.where}: {self.what}: {self.way_out}"


@dataclass(slots=True, kw_only=True)
class Verified:
    """What was looked at in one table, and what is wrong; notes are no faults."""

    name: str
    table: Table
    asset: str
    workspace: Workspace
    files: list[DataFile] = field(default_factory=list)
    replayed: int = 0
    unsealed: int = 0
    is_readable: bool = True
    damaged: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The rows of all files, as the table's log says."""
        return sum(file.rows for file in self.files)

    def add(self, what: str, path: str = "", *, delete: bool = False, stale: bool = False) -> None:
        """Add a fault of a file, or of a folder (`tier=poor/year=2021`), or of the table."""
        corpus, tier = self.workspace.corpus.name, partition_of(f"{path}/").get("tier")
        partition = partition_key(corpus, tier) if tier else corpus
        command = self.workspace.command(self.asset.rpartition("/")[0])
        again = f"materialise {self.asset} of {partition} again in the UI, or `{command}`"
        self.faults.append(
            Fault(
                where=f"{self.table.url}/{path}".rstrip("/"),
                what=what,
                way_out=f"delete it and {again}" if delete and what != MISSING else again,
                is_stale=stale,
            )
        )


def summary(found: Sequence[Verified]) -> list[dict[str, str]]:
    """Return one row a table, for people."""
    return [
        {
            "table": one.name,
            "files": f"{len(one.files):,}",
            "rows": f"{one.rows:,}",
            "replayed": f"{one.replayed:,}" if one.name.endswith("/pairs") else "",
            "result": "; ".join(_results(one)),
        }
        for one in found
    ]


def faults_of(found: Sequence[Verified]) -> list[Fault]:
    """Return the faults of all tables: damage first, then what is stale."""
    return sorted((f for one in found for f in one.faults), key=lambda fault: fault.is_stale)


def describe_miscounts(what: str, miscounts: dict[str, int]) -> str:
    """Return which items are missing, there twice, or not expected, the first few by name."""
    groups = {
        "missing": [name for name, times in miscounts.items() if times == 0],
        "no longer of the corpus": [name for name, times in miscounts.items() if times == 1],
        "there more than once": [name for name, times in miscounts.items() if times > 1],
    }
    return "; ".join(
        f"{counted(len(names), what)} {how} ({', '.join(names[:SHOWN_NAMES])}"
        f"{', …' if len(names) > SHOWN_NAMES else ''})"
        for how, names in groups.items()
        if names
    )


def _results(one: Verified) -> Iterator[str]:
    stale = sum(fault.is_stale for fault in one.faults)
    if damage := len(one.faults) - stale:
        yield counted(damage, "fault")
    if stale:
        yield "stale"
    if not one.faults:
        yield "good"
    if one.unsealed:
        yield f"without checksum, because older: {counted(one.unsealed, 'file')}"
    yield from one.notes
