"""The corpus as an asset: what it says where nothing in a root can be used."""

import os
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from degradation.errors import UserError
from pipelines.assets.corpus import corpus
from pipelines.resources import Project
from storage.demo_corpus.write import CSV_NAME
from storage.tables import read_table


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
    monkeypatch.setenv("PIANOGRADE_MAESTRO", str(root))
    monkeypatch.setenv("PIANOGRADE_WORKERS", "1")
    return Project()


def test_a_root_of_broken_files_says_why_and_keeps_the_reasons(project: Project) -> None:
    words = r"no performance .* can be used.* the first reason: .*cannot be read as MIDI"
    with pytest.raises(UserError, match=words) as raised:
        corpus(dg.build_asset_context(), project)
    assert "\n" not in str(raised.value)
    left_out = read_table(project.workspace.corpus_table("quarantine")).to_table().to_pylist()
    assert len(left_out) == 3
    assert all("MIDI" in row["reason"] for row in left_out)
