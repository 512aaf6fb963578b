"""`pianograde plan` on a finished project."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from pipelines.history import History
from pipelines.plan import Planned, total_line
from pipelines.settings import CONFIGS

TABLES = ("pairs", "heuristics", "samples", "midi_tokens", "audio_features")


@pytest.fixture
def project(finished: Any, tmp_path: Path) -> Any:
    """A copy of the finished project, and of the recipes."""
    shutil.copytree(finished.home, tmp_path / "home")
    shutil.copytree(CONFIGS / "recipes", tmp_path / "recipes")
    return replace(finished, home=tmp_path / "home")


def plan(project: Any, *options: str) -> str:
    recipes = str(project.home.parent / "recipes")
    answer = project.pianograde("plan", *options, PIANOGRADE_RECIPES=recipes)
    assert answer.returncode == 0, answer.stderr
    return str(answer.stdout)


def edit(project: Any, old: str, new: str) -> None:
    file = project.home.parent / "recipes" / "phase2.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def rows_of(answer: str) -> dict[tuple[str, str], str]:
    """Return the lines of a plan's table by asset and tier."""
    lines = answer.splitlines()[1:-1]
    return {(line.split()[0], line.split()[1]): line for line in lines}


def test_nothing_is_stale_after_a_run_and_nothing_is_written(project: Any) -> None:
    before = {path: path.stat().st_mtime_ns for path in (project.home / "data").rglob("*")}
    assert plan(project) == "nothing is stale: root, phase2\n"
    assert before == {path: path.stat().st_mtime_ns for path in (project.home / "data").rglob("*")}


def test_an_edited_tier_lists_that_tier_and_what_follows_with_what_it_takes(project: Any) -> None:
    edit(project, "spread_s: 0.060", "spread_s: 0.080")
    answer = plan(project)
    found = rows_of(answer)
    assert [key for key in found if key[1] != "-"] == [(f"phase2/{n}", "poor") for n in TABLES]
    line = found["phase2/pairs", "poor"]
    assert "recipe: tier.poor.operations.0.spread_s 0.06 → 0.08" in line
    held = project.query("select count(*) as n from samples where tier = 'poor'")[0]["n"]
    assert re.search(rf"poor +{held} +\d+\.\d +\d\.\d{{3}} ", line)
    assert "follows samples, audio_features, midi_tokens" in found["phase2/gated", "-"]
    assert re.search(rf"\ntotal: {held} pairs, \d+\.\d minutes, \d\.\d{{3}} GB\n", answer)
    edit(project, "spread_s: 0.080", "spread_s: 0.060")
    assert plan(project).startswith("nothing is stale")


def test_a_performance_that_is_new_in_the_index_makes_the_corpus_stale(project: Any) -> None:
    table = next(project.root.glob("*.csv"))
    text = table.read_text()
    try:
        table.write_text("\n".join(text.splitlines()[:-1]))
        found = rows_of(plan(project))
    finally:
        table.write_text(text)
    assert "differs from its index in 1 performance" in found["corpus", "-"]
    assert found["corpus", "-"].split()[2] == "4"  # of five
    held = int(project.query("select count(*) as n from segments")[0]["n"])
    assert found["segments", "-"].split()[2] == str(round(held * 4 / 5))
    assert found["phase2/pairs", "poor"].endswith("follows segments")


def test_a_corpus_added_again_says_what_is_there_of_another_choice(project: Any) -> None:
    def add(*limit: str) -> str:
        answer = project.pianograde("corpus", "add", "root", "--maestro", str(project.root), *limit)
        assert answer.returncode == 0, answer.stderr
        return str(answer.stdout)

    assert "are there" not in add()
    assert project.pianograde("corpus", "remove", "root").returncode == 0
    assert "tables of 5 performances are there, made by another choice: 1 differ" in add(
        "--limit", "4"
    )


def test_a_raised_code_version_lists_all_tiers(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.assets.pairs.VERSION", "1000")
    found = rows_of(plan(project))
    tiers = ("pristine", "good", "moderate", "poor")
    assert all("→ 1000" in found["phase2/pairs", tier] for tier in tiers)


def test_a_recipe_that_was_never_made_is_told_with_rows_but_no_minutes(project: Any) -> None:
    answer = plan(project, "--recipe", "phase2_recorded")
    line = rows_of(answer)["phase2_recorded/pairs", "poor"]
    assert line.endswith("never made")
    assert re.search(r"poor +\d+ +unknown: never measured", line)
    assert ("segments", "-") not in rows_of(answer)
    total = answer.splitlines()[-1]
    assert re.match(r"total: [1-9][\d,]* pairs, (unknown|at least [\d.]+) minutes, ", total)
    assert "never measured here" in total


def test_of_what_was_never_made_nothing_is_known() -> None:
    new = [
        Planned(asset=name, tier=tier, reasons=("never made",), rows=None, seconds=None, size=None)
        for name, tier in (("corpus", ""), ("phase2/pairs", "poor"))
    ]
    assert total_line(new) == (
        "total: unknown pairs, unknown minutes, unknown GB; 2 of 2 were never measured here"
    )
    made = replace(new[1], rows=1200, seconds=90.0, size=2.5e9)
    assert total_line([made]) == "total: 1,200 pairs, 1.5 minutes, 2.500 GB"
    assert total_line([new[0], made]) == (
        "total: 1,200 pairs, at least 1.5 minutes, 2.500 GB; 1 of 2 were never measured here"
    )


def test_making_the_same_again_changes_nothing_downstream() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for version in ("1", "2", "2", "2"):
            instance.report_runless_asset_event(
                dg.AssetMaterialization("a", partition="x", tags={"dagster/data_version": version})
            )
        history = History(instance)
        records = [record.at for record in history.records("a", "x")]
        assert history.changed_at("a", "x") == records[2] < records[0]
        assert history.changed_at("a", "y") == 0
        assert history.seconds_a_row("a", "x") is None


@pytest.mark.parametrize("model", ["phase2/gated", "phase2/audio_pretrain", "midi_pretrain"])
def test_a_model_that_is_gone_is_told_with_what_follows(project: Any, model: str) -> None:
    recipe, _, name = model.rpartition("/")
    (folder,) = (project.home / "outputs" / "root" / recipe / "models").glob(f"*/{name}")
    shutil.rmtree(folder)
    found = rows_of(plan(project))
    assert str(folder) in found[model, "-"]
    follows = "phase2/evaluation" if name == "gated" else "phase2/gated"
    assert "follows" in found[follows, "-"]
    assert ("phase2/pairs", "poor") not in found


def test_edited_settings_are_told_with_the_models_that_follow_from_them(project: Any) -> None:
    file = project.experiment
    text = file.read_text()
    config = yaml.safe_load(text)
    config["audio_encoder"]["dropout"] = 0.35
    config["torch_threads"] = 3
    try:
        file.write_text(yaml.safe_dump(config))
        found = rows_of(plan(project))
    finally:
        file.write_text(text)
    changed = {asset for (asset, _), line in found.items() if "audio_encoder.dropout" in line}
    assert changed == {"phase2/audio_only", "phase2/gated"}
    assert "→ 0.35" in found["phase2/gated", "-"]
    assert "torch_threads" not in str(found)
