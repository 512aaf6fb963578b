"""The audits on a real run, and that no model is trained behind an audit that blocks."""

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pytest

from degradation.recipe import TIERS
from labeling.scores import DIMENSIONS
from models.evaluation.agreement.resampling import Interval
from models.evaluation.audits.documents import LabelStructure, ShortcutAudit
from models.evaluation.audits.shortcut_statistics import SETS
from models.evaluation.audits.thresholds import Threshold, ThresholdVerdict, judge
from models.inputs.feature_reader import rows_of_split
from models.inputs.stream import Targets, load_batches
from pipelines.assets.evaluation import report_file
from pipelines.assets.label_structure import audit_labels, oracle_rows
from pipelines.assets.shortcut_audit import audited_rows
from pipelines.assets.training import made_from, read_examples
from pipelines.checks.audits import judge_audit
from pipelines.documents import read_made
from pipelines.execution.stages import stages
from pipelines.resources import Project as ProjectResource
from pipelines.settings import CONFIGS, find_recipe
from pipelines.workspace import Workspace
from storage.corpus import SPLITS
from storage.schema import DISTINCT
from storage.tables import read_table

CORPUS = "root"
LIMIT = Threshold(name="it", bound="at most", number=0.5)
HOLDS, FAILS, UNDECIDED = (
    judge(LIMIT, (low + high) / 2, Interval(low, high), 20)
    for low, high in ((0.1, 0.2), (0.8, 0.9), (0.4, 0.6))
)


@pytest.fixture
def workspace(finished: Any, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name, value in finished.environment.items():
        if name.startswith("PIANOGRADE"):
            monkeypatch.setenv(name, value)
    return ProjectResource().workspace(CORPUS)


def test_phase2_is_caught_by_its_recordings_alone(workspace: Workspace) -> None:
    audit = read_made(workspace, "phase2", "shortcut_audit", ShortcutAudit)
    assert (audit.compositions, audit.threshold.verdict) == (5, "fails")
    assert audit.rows > 100
    probes = {probe.statistics: probe for probe in audit.tiers}
    assert tuple(probes) == ("recording", "dry", "notes")
    assert probes["recording"].balanced_accuracy > 0.8
    assert probes["dry"].balanced_accuracy < 0.5
    best = max(probes["recording"].importances, key=lambda one: one.drop)
    assert best.statistic in ("high_noise_floor_dbfs", "bandwidth_hz", "noise_floor_dbfs")
    assert all(len(probe.importances) == len(SETS[kind]) for kind, probe in probes.items())
    scores = {(one.statistics, one.dimension): one.r2 for one in audit.scores}
    assert len(scores) == 3 * len(DIMENSIONS)
    assert scores["recording", "note_accuracy"] > 0.5 > scores["dry", "note_accuracy"]


def test_the_labels_of_phase2_are_one(workspace: Workspace) -> None:
    found = read_made(workspace, "phase2", "label_structure", LabelStructure)
    rank, largest = found.shape.thresholds
    assert (rank.verdict, largest.verdict) == ("fails", "fails")
    assert rank.value == pytest.approx(1.13, abs=0.05)
    rows = read_table(workspace.table("phase2", "samples")).count_rows(filter=DISTINCT)
    assert found.shape.rows == rows
    # Jitter of 0, 10, 30 and 60 ms identifies the tiers to who has the clean notes.
    assert all(0.9 < one.r < 0.99 for one in found.observable)


def test_counterfactual_rows_are_no_draws(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = workspace.table("phase2", "samples")
    distinct = read_table(samples).to_table(columns=["split"], filter=DISTINCT)
    of_test = distinct["split"].to_pylist().count("test")
    assert of_test
    some = pc.field("split").isin(("train", "validation")) & DISTINCT
    monkeypatch.setattr("pipelines.assets.label_structure.OF_RECIPE", some)
    whole = read_made(workspace, "phase2", "label_structure", LabelStructure)
    audit = audit_labels(samples, find_recipe("phase2"))
    assert audit.shape.rows == len(oracle_rows(samples)) == whole.shape.rows - of_test
    (rank, _), (of_whole, _) = audit.shape.thresholds, whole.shape.thresholds
    assert rank.compositions == of_whole.compositions - 1


def test_each_sound_is_learnt_and_judged_once(workspace: Workspace) -> None:
    columns = ["sample_id", "split", "audio", "midi"]
    ids: dict[tuple[str, bytes, bytes], set[str]] = defaultdict(set)
    for row in read_table(workspace.table("phase2", "pairs")).to_table(columns).to_pylist():
        ids[row["split"], row["audio"]["bytes"], row["midi"]["bytes"]].add(row["sample_id"])
    assert any(len(same) > 1 for same in ids.values())
    data, config = read_examples(workspace, "phase2"), workspace.experiment_config()
    report = json.loads(report_file(workspace, "phase2").read_text(encoding="utf-8"))
    for split in SPLITS:
        sounds = [same for (of, *_), same in ids.items() if of == split]
        assert sum(report["data"]["counts"][split].values()) == len(sounds)
        targets = Targets(data.samples, split)
        for heard in ("audio", "midi"):
            # Devices are dealt as many examples as there are targets: parts must hold no others.
            assert sum(rows_of_split(data.parts, heard, split)) == len(targets) == len(sounds)
            loader = load_batches(data.parts, targets, config, frozenset({heard}), epoch=1)
            seen = [name for batch in loader for name in batch.sample_ids]
            assert sorted(len(same & set(seen)) for same in sounds) == [1] * len(seen)


def test_rows_are_few_and_spread_over_the_corpus(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.assets.shortcut_audit.MOST_ROWS", 12)
    rows = audited_rows(workspace, "phase2")
    assert 6 <= len(rows) <= 12
    assert rows["composition"].nunique() >= 4
    assert rows["sample_id"].is_monotonic_increasing
    assert set(rows["tier"]) <= set(TIERS)
    assert not rows.isna().any(axis=None)


@pytest.mark.parametrize(
    ("thresholds", "says", "passed", "severity"),
    [
        ([HOLDS, HOLDS], "block", True, None),
        ([HOLDS, FAILS], "block", False, dg.AssetCheckSeverity.ERROR),
        ([HOLDS, FAILS], "warn", False, dg.AssetCheckSeverity.WARN),
        ([HOLDS, UNDECIDED], "block", False, dg.AssetCheckSeverity.WARN),
        ([FAILS, UNDECIDED], "block", False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_a_failed_threshold_stops_what_the_recipe_lets_it_stop(
    thresholds: list[ThresholdVerdict],
    says: str,
    passed: bool,
    severity: dg.AssetCheckSeverity | None,
) -> None:
    recipe = find_recipe("phase2").model_copy(update={"audits": says})
    result = judge_audit(recipe, thresholds)
    assert result.passed == passed
    if severity:
        assert result.severity == severity
        assert "expected at most 0.5" in (result.description or "")


def test_training_waits_for_the_audits() -> None:
    audits = [("phase2", "label_structure"), ("phase2", "shortcut_audit")]
    assert {dg.AssetKey(audit) for audit in audits} <= {
        dep.asset_key for dep in made_from("phase2", "audio_only")
    }
    *_, last = stages("phase2", ["audio_only"])
    assert set(audits) < set(last.assets), "a check stops only what is in the same run"


def test_no_model_is_trained_behind_an_audit_that_blocks(finished: Any, tmp_path: Path) -> None:
    home, recipes = tmp_path / "home", tmp_path / "recipes"
    shutil.copytree(finished.home, home)
    shutil.copytree(CONFIGS / "recipes", recipes)
    text = (recipes / "phase2.yaml").read_text()
    (recipes / "phase2.yaml").write_text(text.replace("audits: warn", "audits: block"))
    (models,) = (home / "outputs").glob("root/phase2/models")
    shutil.rmtree(models)
    (report,) = (home / "outputs").glob("root/phase2/evaluation/report.json")
    report.unlink()
    before = set((home / "data").rglob("*.parquet"))
    environment = {"PIANOGRADE_HOME": str(home), "PIANOGRADE_RECIPES": str(recipes)}
    answer = finished.run(**environment)
    assert answer.returncode != 0
    assert "no_shortcut" in answer.stderr or "labels_are_eight" in answer.stderr, answer.stderr
    assert "Traceback" not in answer.stderr
    assert [path.name for path in models.glob("*/*")] == ["audio_pretrain"]
    assert not report.exists()
    assert set((home / "data").rglob("*.parquet")) == before, "rows were made again"
