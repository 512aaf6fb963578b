import json
import pickle
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard

from degradation.errors import UserError
from storage.derive import derived_path
from storage.derived import HEURISTICS_VERSION, HeuristicsTask, write_heuristics
from storage.export import FILE_ROWS, ExportOptions, export_shards
from storage.schema import HEURISTICS
from storage.tables import Table, commit, data_file_rows, read_table, write_data_file

README = Path(__file__).parents[2] / "README.md"
TOLD = ("duplicate_of", "licence", "recipe_digest")
PAIRS = pa.schema(
    [(name, pa.string()) for name in ("sample_id", "split", "tier", *TOLD)]
    + [("severity_note_accuracy", pa.float64())]
)
READINGS = pa.schema([("sample_id", pa.string()), ("tier", pa.string()), ("score", pa.float64())])


READ_WITH_POLARS = """
import json, polars
rows = polars.read_parquet("shards/data/train-*.parquet")
print(json.dumps([len(rows), sum(len(sound["bytes"]) for sound in rows["audio"])]))
"""


def described(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_metadata({"description": field.name}) for field in schema])


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Table, Table]:
    """5,000 train and 10 test rows in 30 parts of two splits, and the readings of each part."""
    pairs = Table(url=str(tmp_path / "pairs"), schema=described(PAIRS))
    heuristics = Table(url=str(tmp_path / "heuristics"), schema=described(READINGS))
    parts, readings = [], []
    for first in range(0, 5010, 167):
        rows = [
            {
                "sample_id": f"s{n:05d}",
                "split": "test" if n % 501 == 0 else "train",
                "tier": "good",
                "licence": "CC-BY-NC-SA-4.0",
                "recipe_digest": "abc",
                "duplicate_of": "s00001" if n == 2 else None,
            }
            for n in range(first, first + 167)
        ]
        scored = [
            {"sample_id": row["sample_id"], "tier": "good", "score": float(row["sample_id"][1:])}
            for row in rows
        ]
        part = write_data_file(
            pairs, f"{first}.parquet", [pa.Table.from_pylist(rows, schema=pairs.schema)]
        )
        parts.append(part)
        path = derived_path(part.path, HEURISTICS_VERSION)
        table = pa.Table.from_pylist(scored, schema=heuristics.schema)
        readings.append(write_data_file(heuristics, path, [table]))
    commit(pairs, parts)
    commit(heuristics, readings)
    return pairs, heuristics


def test_every_row_is_exported_once_with_its_readings(
    tables: tuple[Table, Table], tmp_path: Path
) -> None:
    paths = export_shards(*tables, tmp_path / "out")
    assert [path.name for path in paths] == [
        "train-00000-of-00003.parquet",
        "train-00001-of-00003.parquet",
        "train-00002-of-00003.parquet",
        "test-00000-of-00001.parquet",
        "README.md",
    ]
    *paths, _ = paths
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    assert sorted(row["sample_id"] for row in rows) == [f"s{n:05d}" for n in range(5010)]
    assert all(row["score"] == float(row["sample_id"][1:]) for row in rows)
    assert all(pq.read_metadata(path).num_rows <= FILE_ROWS for path in paths)
    assert {row["split"] for row in pq.read_table(paths[-1]).to_pylist()} == {"test"}


def test_the_readmes_block_runs_on_an_export(
    shards: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition_by = shards.partition_by
    heuristics = Table(
        url=str(tmp_path / "heuristics"), schema=HEURISTICS, partition_by=partition_by
    )
    tasks = [
        HeuristicsTask(pairs=shards, heuristics=heuristics, path=path)
        for path in data_file_rows(shards)
    ]
    commit(heuristics, [write_heuristics(task) for task in tasks])
    export_shards(shards, heuristics, tmp_path / "shards")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    made: dict[str, Any] = {}
    exec(block, made)
    assert (len(made["samples"]), made["rate_hz"]) == (240_000, 24_000)
    train = read_table(shards).to_table(filter=pc.field("split") == "train")
    assert len(made["rows"]) == len(train)
    # A process of its own: polars takes SIGINT for itself, of which other tests need to hear.
    told = subprocess.run([sys.executable, "-c", READ_WITH_POLARS], capture_output=True, check=True)
    assert json.loads(told.stdout) == [
        len(train), sum(len(sound["bytes"]) for sound in train["audio"].to_pylist())
    ]  # fmt: skip


def test_a_part_is_exported_in_one_file_a_split_with_a_card(
    tables: tuple[Table, Table], tmp_path: Path
) -> None:
    chosen = frozenset(f"s{n:05d}" for n in range(4000))
    options = ExportOptions(
        sample_ids=chosen, one_file_a_split=True, title="some", provenance={"rows": "`a || b`"}
    )
    *paths, card_path = export_shards(*tables, tmp_path / "out", None, options)
    assert [path.name for path in paths] == [
        "train-00000-of-00001.parquet",
        "test-00000-of-00001.parquet",
    ]
    assert {row for path in paths for row in pq.read_table(path)["sample_id"].to_pylist()} == chosen
    card = DatasetCard.load(card_path)
    about = card.data.to_dict()
    assert (about["license"], about["size_categories"]) == ("cc-by-nc-sa-4.0", ["1K<n<10K"])
    (configuration,) = about["configs"]
    assert [split["split"] for split in configuration["data_files"]] == ["train", "test"]
    for split in configuration["data_files"]:
        assert list((tmp_path / "out").glob(split["path"]))
    for told in (
        "| train | 3,992 | 1 |", "| test | 8 | 1 |", "good 4,000.", "Of these, 1 repeat",
        r"| rows | `a \|\| b` |", "| recipe digests | good abc |", "drawn at random",
        "no commercial", "| split | string | split |",
    ):  # fmt: skip
        assert told in card.text


def test_a_choice_of_rows_that_are_not_there_is_refused(
    tables: tuple[Table, Table], tmp_path: Path
) -> None:
    for chosen, told in (({"s00001", "x"}, "pairs has 1 of the 2 rows"), ((), "no row was chosen")):
        options = ExportOptions(sample_ids=frozenset(chosen))
        with pytest.raises(UserError, match=told):
            export_shards(*tables, tmp_path / "out", None, options)
        assert not (tmp_path / "out").exists()


def test_an_export_does_not_mix_with_another(tables: tuple[Table, Table], tmp_path: Path) -> None:
    export_shards(*tables, tmp_path / "out")
    with pytest.raises(UserError, match="empty"):
        export_shards(*tables, tmp_path / "out")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match="empty"):
        export_shards(*tables, tmp_path / "file")


def test_heuristics_that_lag_behind_are_told_before_anything_is_written(
    tables: tuple[Table, Table], tmp_path: Path
) -> None:
    pairs, heuristics = tables
    for path in list(data_file_rows(heuristics))[:3]:
        (Path(heuristics.url) / path).unlink()
    with pytest.raises(UserError, match=r"lacks 3 of the 30 .*materialise heuristics") as told:
        export_shards(pairs, heuristics, tmp_path / "out")
    assert "\n" not in str(told.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heuristics", "pairs"]


def test_an_export_that_failed_leaves_nothing_and_can_be_run_again(
    tables: tuple[Table, Table], tmp_path: Path
) -> None:
    last = Path(tables[0].url) / sorted(data_file_rows(tables[0]))[-1]
    whole = last.read_bytes()
    last.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "out").mkdir()
    with pytest.raises((OSError, pa.ArrowInvalid)):
        export_shards(*tables, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heuristics", "out", "pairs"]
    last.write_bytes(whole)
    assert len(export_shards(*tables, tmp_path / "out")) == 5


EXPORT_AND_DIE = """
import os, pickle, signal, sys
from pathlib import Path
from storage import export

write_data_file = export.write_data_file

def write_or_die(table, path, groups):
    def one_of():
        yield next(groups)
        os.kill(os.getpid(), signal.SIGKILL)
    return write_data_file(table, path, one_of() if "train-00001" in path else groups)

export.write_data_file = write_or_die
tables, out = pickle.loads(Path(sys.argv[1]).read_bytes())
export.export_shards(*tables, out)
"""


def test_a_killed_export_does_not_block_the_next(
    tables: tuple[Table, Table], tmp_path: Path
) -> None:
    """It dies in the middle of its second file."""
    out = tmp_path / "out"
    (tmp_path / "call").write_bytes(pickle.dumps((tables, out)))
    died = subprocess.run(
        [sys.executable, "-c", EXPORT_AND_DIE, str(tmp_path / "call")], check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert not out.exists()
    left = sorted(path.name for path in tmp_path.rglob("*train-*"))
    assert len(left) == 2
    assert left[0].endswith(".tmp")
    assert left[1] == "train-00000-of-00003.parquet"
    paths = export_shards(*tables, out)
    assert [*sorted((out / "data").iterdir()), out / "README.md"] == sorted(paths[:-1]) + paths[-1:]
    assert sum(pq.read_metadata(path).num_rows for path in paths[:-1]) == 5010
    assert {path.name for path in tmp_path.iterdir()} == {"call", "heuristics", "out", "pairs"}
