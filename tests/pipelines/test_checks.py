"""The checks' rules, and that each check fails when what it guards is broken in a real table."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from labeling.scores import DIMENSIONS
from pipelines.checks.counts import count_checks, find_miscounts, share_z
from pipelines.checks.damage import damage_checks, jitter_by_tier
from pipelines.checks.scores import find_score_faults, score_checks
from pipelines.checks.splits import find_leaks, no_composition_in_two_splits
from pipelines.resources import Project as ProjectResource
from pipelines.settings import find_recipe
from storage.tables import Table, commit, part_rows, read_part, write_part

Broken = Callable[[pd.DataFrame], pd.DataFrame]


def test_a_composition_in_two_splits_is_found() -> None:
    rows = [("a", "train"), ("a", "train"), ("b", "train"), ("b", "test")]
    assert find_leaks(rows) == {"b": ["test", "train"]}


def test_missing_double_and_unasked_samples_are_found() -> None:
    wrong = find_miscounts({"a", "b", "c", "d"}, rows=["a", "b", "b", "x"], left_out=["c"])
    assert [(w.sample_id, w.times) for w in wrong] == [("b", 2), ("d", 0), ("x", 1)]


def test_share_z_is_binomial() -> None:
    assert share_z(300, 1000, 0.3) == 0
    assert share_z(329, 1000, 0.3) == pytest.approx(29 / (1000 * 0.3 * 0.7) ** 0.5)


def test_jitter_is_pooled_over_notes_not_rows() -> None:
    strengths = [{"operation": "onset_jitter", "strength": 30.0}]
    rows = [
        {"tier": "poor", "note_count": n, "missed_note_share": 0, "jitter_ms": ms}
        | {"strengths": strengths}
        for n, ms in [(1, 60.0), (99, 30.0)]
    ]  # fmt: skip
    found = jitter_by_tier(rows)[0]
    assert found["asked_ms"] == 30
    assert found["measured_ms"] == pytest.approx(((3600 + 99 * 900) / 100) ** 0.5)


def test_scores_out_of_their_tier_s_range_are_found() -> None:
    scores = pd.DataFrame({"tier": ["poor", "poor"], **{name: [50.0, 65.0] for name in DIMENSIONS}})
    assert find_score_faults(scores, find_recipe("phase2")) == []
    scores.loc[1, "tone_quality"] = 66.0
    scores.loc[0, "dynamic_range"] = float("nan")
    faults = find_score_faults(scores, find_recipe("phase2"))
    assert {(f["dimension"], f["out of range"]) for f in faults} == {
        ("tone_quality", 1),
        ("dynamic_range", 1),
    }


@pytest.fixture
def project(finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectResource:
    """The finished project's tables, copied, to be broken."""
    shutil.copytree(finished.home, tmp_path / "home")
    for name, value in finished.environment.items():
        if name.startswith("PIANOGRADE"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    return ProjectResource()


def rewrite(table: Table, edit: Broken) -> None:
    """Replace the rows of a table's first part of the tier `poor` by edited ones."""
    path = next(path for path in part_rows(table) if "tier=poor" in path or "tier" not in path)
    rows = pa.concat_tables(list(read_part(table, path))).to_pandas()
    edited = pa.Table.from_pandas(edit(rows), schema=table.schema, preserve_index=False)
    columns = dict(step.split("=") for step in path.split("/")[:-1])
    new = write_part(table, path.replace(".parquet", "-broken.parquet"), [edited])
    others = [part for part in part_rows(table, None, **columns) if part != path]
    assert not others
    commit(table, [new], columns or None)


def run_check(checks: list[dg.AssetChecksDefinition], name: str, project: ProjectResource) -> bool:
    check = next(c for c in checks if next(iter(c.check_keys)).name == name)
    result = check.op.compute_fn.decorated_fn(project)  # type: ignore[union-attr]
    return bool(result.passed)


def louder(rows: pd.DataFrame) -> pd.DataFrame:
    """Swap the audio of two rows that differ in music."""
    return rows.assign(audio=list(rows["audio"][::-1]))


@pytest.mark.parametrize(
    ("make", "name", "edit"),
    [
        (count_checks, "rows_match_segments", lambda rows: rows.iloc[1:]),
        (count_checks, "rows_match_segments", lambda rows: pd.concat([rows, rows.iloc[:1]])),
        (count_checks, "tier_shares", lambda rows: pd.concat([rows] * 6)),
        (
            damage_checks,
            "realised_jitter",
            lambda rows: rows.assign(jitter_ms=rows["jitter_ms"] * 1.3),
        ),
        (damage_checks, "realised_snr", lambda rows: rows.assign(realised_snr_db=20.3)),
        (damage_checks, "realised_snr", louder),
        (damage_checks, "audio_follows_midi", louder),
        (score_checks, "scores_in_range", lambda rows: rows.assign(tone_quality=99.0)),
    ],
)
def test_a_check_fails_when_what_it_guards_is_broken(
    project: ProjectResource, make: Any, name: str, edit: Broken
) -> None:
    checks = make("phase2")
    assert run_check(checks, name, project)
    rewrite(project.workspace.table("phase2", "pairs"), edit)
    assert not run_check(checks, name, project)


def test_the_split_check_fails_on_a_leak(project: ProjectResource) -> None:
    checks = [no_composition_in_two_splits]
    assert run_check(checks, "no_composition_in_two_splits", project)
    rewrite(
        project.workspace.corpus_table("segments"),
        lambda rows: rows.assign(composition=rows["composition"].iloc[0]),
    )
    assert not run_check(checks, "no_composition_in_two_splits", project)
