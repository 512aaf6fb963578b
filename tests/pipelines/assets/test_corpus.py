"""The corpus as an asset: what it says where nothing in a root can be used."""

import os
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from degradation.errors import UserError
from pipelines.assets.corpus import corpus, segments
from pipelines.corpora import Corpus, write_corpus
from pipelines.resources import Project
from pipelines.settings import load_settings
from storage.demo_corpus import CSV_NAME
from storage.tables import read_table

CORPUS = "broken"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project on three of the demo corpus's performances, none of whose MIDI can be used."""
    for name in os.environ:
        if name.startswith(("PIANOGRADE_", "DAGSTER")):
            monkeypatch.delenv(name)
    root = tmp_path / "root"
    rows = pd.read_csv(demo_root / CSV_NAME, keep_default_na=False).head(3)
    for name in rows["midi_filename"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"MThd")
    rows.to_csv(root / CSV_NAME, index=False)
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIANOGRADE_WORKERS", "1")
    write_corpus(load_settings(), Corpus(name=CORPUS, maestro=root))
    return Project()


def make(asset: dg.AssetsDefinition, project: Project) -> dg.MaterializeResult[None]:
    made = asset(dg.build_asset_context(partition_key=CORPUS), project)
    assert isinstance(made, dg.MaterializeResult)
    return made


def test_a_twin_is_in_quarantine_and_nowhere_else(project: Project, demo_root: Path) -> None:
    root = project.workspace(CORPUS).root
    rows = pd.read_csv(demo_root / CSV_NAME, keep_default_na=False)
    of_test = rows[
        rows["canonical_title"] == rows[rows["split"] == "test"]["canonical_title"].iloc[0]
    ]
    others = rows[rows["split"] == "train"].drop_duplicates("canonical_title").head(2)
    twin = of_test.iloc[[0]].assign(split="train", canonical_title="Untitled")
    chosen = pd.concat([twin, of_test.iloc[1:], others])
    chosen.to_csv(root / CSV_NAME, index=False)
    for name in chosen["midi_filename"]:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(demo_root / name, root / name)
    made = make(corpus, project)
    make(segments, project)

    def rows_of(table: str) -> list[dict[str, Any]]:
        return read_table(project.workspace(CORPUS).corpus_table(table)).to_table().to_pylist()

    (left_out,) = rows_of("quarantine")
    assert left_out["stage"] == "twins"
    assert left_out["item"] == twin["midi_filename"].iloc[0]
    for table in ("performances", "segments"):
        assert {row["title"] for row in rows_of(table)} == set(chosen["canonical_title"]) - {
            "Untitled"
        }
    pairs = rows_of("twins")
    assert {(pair["title"], pair["left_out"]) for pair in pairs} == {("Untitled", True)}
    assert len(pairs) == len(of_test) - 1
    assert made.metadata is not None
    assert len(made.metadata["twins and near misses"].value) == len(pairs)


def test_a_root_of_broken_files_says_why_and_keeps_the_reasons(project: Project) -> None:
    words = r"no performance .* can be used.* the first reason: .*cannot be read as MIDI"
    with pytest.raises(UserError, match=words) as raised:
        make(corpus, project)
    assert "\n" not in str(raised.value)
    left_out = (
        read_table(project.workspace(CORPUS).corpus_table("quarantine")).to_table().to_pylist()
    )
    assert len(left_out) == 3
    assert all("MIDI" in row["reason"] for row in left_out)
