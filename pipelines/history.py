"""What Dagster recorded of earlier materialisations: versions, rows and durations."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from pipelines.execution.partitioned_step import ROW_COUNT
from pipelines.partitions import DATA_VERSION_TAG

MOST_RECORDS = 2000
"""Of each asset; older ones are not asked for."""

MEASURED_RUNS = 5
"""The slowest of so many runs counts: a run that finds its files there takes no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run's materialisation of a partition, or a recipe's record; `at` orders them."""

    at: int
    run_id: str
    version: str | None
    code_version: str | None
    rows: int | None
    metadata: Mapping[str, Any]


@dataclass(slots=True)
class History:
    """The records of an instance; each asset's are fetched once."""

    instance: dg.DagsterInstance
    _records: dict[str, dict[str, list[Record]]] = field(default_factory=dict)
    _seconds: dict[str, dict[str, float]] = field(default_factory=dict)

    def records(self, asset: str, partition: str) -> list[Record]:
        """Return the records of a partition, the newest first."""
        return self._of_asset(asset).get(partition, [])

    def changed_at(self, asset: str, partition: str) -> int:
        """Return when a partition got the version that it has; 0 where it was never made."""
        found = self.records(asset, partition)
        same = [record.at for record in found if record.version == found[0].version]
        other = [record.at for record in found if record.version != found[0].version]
        return min((at for at in same if at > max(other, default=0)), default=0)

    def seconds_a_row(self, asset: str, corpus: str) -> float | None:
        """Return what a row took, on this corpus or else on others; None if it was never measured.

        An asset that counts no rows counts as one, on this corpus alone.
        """
        rows: dict[tuple[bool, str], int] = defaultdict(int)
        order: dict[tuple[bool, str], int] = {}
        for partition, records in self._of_asset(asset).items():
            is_here = partition.partition("|")[0] == corpus
            for record in records:
                if record.run_id and (is_here or record.rows is not None):
                    rows[is_here, record.run_id] += 1 if record.rows is None else record.rows
                    order[is_here, record.run_id] = record.at
        for is_here in (True, False):
            runs = sorted((run for run in rows if run[0] == is_here), key=lambda run: -order[run])
            measured = [
                seconds / rows[run]
                for run in runs[:MEASURED_RUNS]
                if rows[run] and (seconds := self._run_seconds(run[1]).get(asset))
            ]
            if measured:
                return max(measured)
        return None

    def _of_asset(self, asset: str) -> dict[str, list[Record]]:
        """Return an asset's records by partition: the last of each run, which has them all."""
        if asset not in self._records:
            key = dg.AssetKey(asset.split("/"))
            found: dict[str, list[Record]] = defaultdict(list)
            code_versions: dict[tuple[str, str], str] = {}
            events = self.instance.fetch_materializations(key, limit=MOST_RECORDS).records
            for event in events:
                tags = (event.asset_materialization and event.asset_materialization.tags) or {}
                if code := tags.get("dagster/code_version"):
                    code_versions.setdefault((event.partition_key or "", event.run_id), code)
            for event in events:
                made, partition = event.asset_materialization, event.partition_key or ""
                if made is None or (
                    event.run_id and any(one.run_id == event.run_id for one in found[partition])
                ):
                    continue
                count = made.metadata.get(ROW_COUNT) or made.metadata.get("dagster/row_count")
                found[partition].append(
                    Record(
                        at=event.storage_id,
                        run_id=event.run_id,
                        version=(made.tags or {}).get(DATA_VERSION_TAG),
                        code_version=code_versions.get((partition, event.run_id)),
                        rows=count.value if isinstance(count, dg.IntMetadataValue) else None,
                        metadata=made.metadata,
                    )
                )
            self._records[asset] = found
        return self._records[asset]

    def _run_seconds(self, run_id: str) -> dict[str, float]:
        """Return how long each asset's step of a run took."""
        if run_id not in self._seconds:
            kind = dg.DagsterEventType.STEP_SUCCESS
            events = [log.dagster_event for log in self.instance.all_logs(run_id, of_type=kind)]
            self._seconds[run_id] = {
                event.step_key.replace("__", "/"): event.step_success_data.duration_ms / 1000
                for event in events
                if event and event.step_key
            }
        return self._seconds[run_id]
