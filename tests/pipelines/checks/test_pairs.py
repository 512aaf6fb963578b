"""The checks' rules, and that each check fails when what it guards is broken in a real table."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from degradation.recipe import TIERS
from labeling.scores import DIMENSIONS
from pipelines.checks.checked_pairs import CheckedPairs
from pipelines.checks.counts import find_miscounts, judge_rows, judge_tier_shares, share_z
from pipelines.checks.note_damage import jitter_tolerance, judge_jitter, judge_wrong_notes
from pipelines.checks.pairs import PAIRS_CHECKS, pairs_check, together
from pipelines.checks.scores import find_score_faults, judge_scores
from pipelines.checks.sound import judge_alignment, judge_snr
from pipelines.checks.splits import find_leaks, no_composition_in_two_splits
from pipelines.partitions import (
    RANGE_END_TAG,
    RANGE_START_TAG,
    partition_key,
    tier_years,
)
from pipelines.resources import Project as ProjectResource
from pipelines.settings import find_recipe
from storage.tables import Table, commit, data_file_rows, read_data_file, write_data_file

CORPUS = "root"
Broken = Callable[[pd.DataFrame], pd.DataFrame]


def test_a_composition_in_two_splits_is_found() -> None:
    rows = [("a", "train"), ("a", "train"), ("b", "train"), ("b", "test")]
    assert find_leaks(rows) == {"b": ["test", "train"]}


def test_missing_double_and_unasked_samples_are_found() -> None:
    wrong = find_miscounts({"a", "b", "c", "d"}, rows=["a", "b", "b", "x"], quarantined=["c"])
    assert wrong == {"b": 2, "d": 0, "x": 1}


def test_share_z_is_binomial() -> None:
    assert share_z(300, 1000, 0.3) == 0
    assert share_z(329, 1000, 0.3) == pytest.approx(29 / (1000 * 0.3 * 0.7) ** 0.5)


def test_the_tolerance_of_jitter_grows_where_notes_are_few() -> None:
    assert jitter_tolerance(100_000) == 0.05
    assert jitter_tolerance(200) == pytest.approx(4 / 20)


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


def test_a_run_of_several_corpora_says_why_it_failed_in_one_of_them() -> None:
    results = {
        "good": dg.AssetCheckResult(passed=True),
        "bad": dg.AssetCheckResult(passed=False, description="bad|poor: 9 of 16 rows lag"),
    }
    assert together(results).description == "bad|poor: 9 of 16 rows lag"


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
    """Replace the rows of each part of the tier `poor` (of any, without tiers) by edited ones."""
    for path in data_file_rows(table):
        if "tier=" in path and "tier=poor" not in path:
            continue
        rows = pa.concat_tables(list(read_data_file(table, path))).to_pandas()
        edited = pa.Table.from_pandas(edit(rows), schema=table.schema, preserve_index=False)
        columns = dict(step.split("=") for step in path.split("/")[:-1])
        assert list(data_file_rows(table, None, **columns)) == [path]
        new = write_data_file(table, path.replace(".parquet", "-broken.parquet"), [edited])
        commit(table, [new], columns or None)


Judge = Callable[[CheckedPairs[Any]], dg.AssetCheckResult]


def judged(judge: Judge, project: ProjectResource) -> dg.AssetCheckResult:
    workspace = project.workspace(CORPUS)
    folders = tier_years(TIERS, workspace.years())
    return judge(CheckedPairs(find_recipe("phase2"), workspace, folders))


def swapped(rows: pd.DataFrame) -> pd.DataFrame:
    """Give rows the audio of others, of other music."""
    return rows.assign(audio=list(rows["audio"][::-1]))


@pytest.mark.parametrize(
    ("judge", "edit", "words"),
    [
        (judge_rows, lambda rows: rows.iloc[1:], r"\d+ draws missing \("),
        (judge_rows, lambda rows: rows.iloc[:0], r"\d+ draws missing \("),
        (judge_rows, lambda rows: pd.concat([rows, rows.iloc[:1]]), "there more than once"),
        (judge_tier_shares, lambda rows: pd.concat([rows] * 6), r"% of the rows; expected \d"),
        (
            judge_jitter,
            lambda rows: rows.assign(jitter_ms=rows["jitter_ms"] * 1.5),
            r"onsets spread by \d+\.\d ms; expected 60\.0",
        ),
        (
            judge_wrong_notes,
            lambda rows: rows.assign(wrong_note_share=0.3),
            r"[\d.]+% of the notes are wrong; expected 5\.00%",
        ),
        (
            judge_snr,
            lambda rows: rows.assign(realised_snr_db=20.3),
            r"\d+ rows have another noise than asked; expected 0 beyond 0\.1 dB",
        ),
        (judge_snr, lambda rows: rows.assign(realised_snr_db=None), "rows lost their noise"),
        (judge_snr, swapped, "decoded rows measure another noise"),
        (judge_alignment, swapped, r"\d+ of \d+ rows lag beyond 50 ms; expected at most a third"),
        (
            judge_scores,
            lambda rows: rows.assign(tone_quality=99.0),
            "scores of tone_quality are out of range",
        ),
    ],
)
def test_a_check_fails_in_words_when_what_it_guards_is_broken(
    project: ProjectResource, judge: Judge, edit: Broken, words: str
) -> None:
    before = judged(judge, project)
    assert before.passed
    assert before.description is None
    rewrite(project.workspace(CORPUS).table("phase2", "pairs"), edit)
    after = judged(judge, project)
    assert not after.passed
    assert re.search(rf"root\|poor: [^;]*{words}", after.description or "")


def test_a_partition_that_was_never_committed_fails_the_count(project: ProjectResource) -> None:
    for name in ("pairs", "pairs_quarantine"):
        commit(
            project.workspace(CORPUS).table("phase2", name), [], {"tier": "good", "year": "2021"}
        )
    assert not judged(judge_rows, project).passed


def run_check(
    check: dg.AssetChecksDefinition, project: ProjectResource, **partitions: Any
) -> dict[str | None, bool]:
    """Run an asset check after its asset; return whether each partition passed."""
    (key,) = check.check_keys

    @dg.asset(
        key=key.asset_key,
        partitions_def=next(iter(check.check_specs)).partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def made() -> None:
        """Stand for the asset, which is made already."""

    job = dg.define_asset_job("check", dg.AssetSelection.assets(made))
    defs = dg.Definitions(
        assets=[made], asset_checks=[check], jobs=[job], resources={"project": project}
    )
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("corpora", [CORPUS])
        result = defs.resolve_job_def("check").execute_in_process(
            instance=instance, raise_on_error=False, **partitions
        )
        return {one.partition: one.passed for one in result.get_asset_check_evaluations()}


def test_a_check_judges_its_run_s_partitions_alone(project: ProjectResource) -> None:
    pairs = project.workspace(CORPUS).table("phase2", "pairs")
    rewrite(pairs, lambda rows: rows.assign(tone_quality=99.0))
    (rule,) = (one for one in PAIRS_CHECKS if one.name == "scores_in_range")
    check = pairs_check("phase2", rule)
    keys = [partition_key(CORPUS, tier) for tier in ("pristine", "good", "moderate", "poor")]
    whole = {RANGE_START_TAG: keys[0], RANGE_END_TAG: keys[2]}
    assert run_check(check, project, tags=whole) == dict.fromkeys([*keys[:3], None], True)
    assert run_check(check, project, partition_key=keys[3]) == {keys[3]: False}


def test_the_split_check_fails_on_a_leak(project: ProjectResource) -> None:
    def passed() -> bool:
        return run_check(no_composition_in_two_splits, project, partition_key=CORPUS)[CORPUS]

    assert passed()
    rewrite(
        project.workspace(CORPUS).corpus_table("segments"),
        lambda rows: rows.assign(composition=rows["composition"].iloc[0]),
    )
    assert not passed()
