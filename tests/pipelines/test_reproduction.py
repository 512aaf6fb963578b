"""`pianograde reproduce` and `pianograde models`, on made-up tables and on a finished project."""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.training.record import ModelRecord
from models.training.result import find_best
from models.training.weights import compare_weights
from pipelines.assets.training import READ
from pipelines.reproduction import check, train_again
from pipelines.settings import CONFIGS
from pipelines.trained import read_record_in
from pipelines.workspace import Workspace
from storage.schema import TABLES
from storage.tables import Table, commit
from storage.vacuum import vacuum
from tests.pipelines.small_tables import RECIPE, commit_pairs, small_workspace, train_audio_only


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A trained `audio_only`, and since then another version of every table it read."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PIANOGRADE_HOME", str(folder / "home"))
        workspace = small_workspace(folder)
        train_audio_only()
        commit_pairs(workspace, "second", lowest_score=60)
        yield workspace


def record_of(workspace: Workspace) -> tuple[Path, ModelRecord]:
    folder = workspace.model_folder(RECIPE, "audio_only")
    record = read_record_in(folder)
    assert record is not None
    return folder, record


def faults(workspace: Workspace, record: ModelRecord) -> dict[str, str]:
    found = check(record, record_of(workspace)[0], workspace.settings)
    return {one.item: one.fault for one in found if one.fault}


def test_nothing_differs_where_nothing_changed_but_the_newest_tables(trained: Workspace) -> None:
    folder, record = record_of(trained)
    assert faults(trained, record) == {}
    lines = [str(one) for one in check(record, folder, trained.settings)]
    assert {line.split()[0] for line in lines} == {"same"}
    assert any("table samples at version 1: 1 files" in line for line in lines)


def test_the_older_version_gives_the_same_weights(trained: Workspace) -> None:
    folder, record = record_of(trained)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    again = train_again(record, trained.settings, lambda line: None)
    assert again.is_relative_to(trained.settings.home / "reproductions")
    assert compare_weights(find_best(folder), find_best(again)).differing == 0
    assert before == {path: path.read_bytes() for path in folder.iterdir()}
    other = record.config.model_copy(update={"seed": 1})
    reseeded = train_again(
        dataclasses.replace(record, config=other), trained.settings, lambda line: None
    )
    found = compare_weights(find_best(folder), find_best(reseeded))
    assert found.largest > 0
    assert 0.5 * found.numbers < found.differing <= found.numbers


def changed_package(record: ModelRecord) -> ModelRecord:
    versions = {**record.made.versions, "torch": "1.0"}
    return dataclasses.replace(record, made=dataclasses.replace(record.made, versions=versions))


def changed_source(record: ModelRecord) -> ModelRecord:
    made = dataclasses.replace(record.made, source="0" * 16, commit="c0ffee")
    return dataclasses.replace(record, made=made)


def changed_table(record: ModelRecord) -> ModelRecord:
    tables = dict(record.data.tables)
    tables["samples"] = dataclasses.replace(tables["samples"], digest="0" * 16)
    return dataclasses.replace(record, data=dataclasses.replace(record.data, tables=tables))


def changed_recipe(record: ModelRecord) -> ModelRecord:
    return dataclasses.replace(
        record, data=dataclasses.replace(record.data, recipe_digests={"poor": "c0ffee"})
    )


@pytest.mark.parametrize(
    ("change", "item", "said"),
    [
        (changed_package, "torch", "expected 1.0, got 2.* pip install torch==1.0"),
        (changed_source, "source code", "expected 0000.* git checkout c0ffee"),
        (changed_table, "table samples at version 1", "expected 1 files of digest 0000.* train"),
        (changed_recipe, "recipe phase2, tier poor", "expected c0ffee.* nothing is lost"),
        (
            lambda record: dataclasses.replace(record, machine={"threads": "64"}),
            "threads",
            "expected 64, got 1: use such a machine",
        ),
        (
            lambda record: dataclasses.replace(
                record, config=record.config.model_copy(update={"seed": 1})
            ),
            "settings and rows",
            "expected .* got .* record of that training",
        ),
        (
            lambda record: dataclasses.replace(record, weights="0" * 32),
            "weights",
            "expected 0000.* was changed after the training",
        ),
    ],
)
def test_one_line_says_what_differs_and_the_way_out(
    trained: Workspace, change: Callable[[ModelRecord], ModelRecord], item: str, said: str
) -> None:
    found = faults(trained, change(record_of(trained)[1]))
    assert list(found) == [item]
    assert re.match(said, found[item])
    assert "\n" not in found[item]


def test_rows_that_a_vacuum_removed_are_missing(trained: Workspace, tmp_path: Path) -> None:
    folder, record = record_of(trained)
    settings = trained.settings.model_copy(update={"home": tmp_path / "home"})
    shutil.copytree(trained.settings.home, settings.home)
    vacuum(Workspace(settings, trained.corpus).table(RECIPE, "samples"), 1)
    missing = [one for one in check(record, folder, settings) if one.missing]
    assert [one.item for one in missing] == ["table samples at version 1"]
    assert "vacuum removed the others" in str(missing[0])


@pytest.fixture
def project(finished: Any, tmp_path: Path) -> Any:
    """A copy of the finished project."""
    shutil.copytree(finished.home, tmp_path / "home")
    return dataclasses.replace(finished, home=tmp_path / "home")


def model_folder(project: Any, experiment: str) -> Path:
    return Path(project.home) / "outputs/root/phase2/models/tiny" / experiment


@pytest.mark.parametrize(
    ("experiment", "read"),
    [("gated", ["midi_pretrain", "audio_pretrain"]), ("midi_only", ["midi_pretrain"])],
)
def test_a_model_is_trained_again_after_its_recipe_changed_and_what_it_read_is_gone(
    project: Any, tmp_path: Path, experiment: str, read: list[str]
) -> None:
    recipes = tmp_path / "recipes"
    shutil.copytree(CONFIGS / "recipes", recipes)
    text = (recipes / "phase2.yaml").read_text()
    assert "spread_s: 0.060" in text
    (recipes / "phase2.yaml").write_text(text.replace("spread_s: 0.060", "spread_s: 0.080"))
    for name in READ:  # as a run begins that makes the tier again
        url, by = f"{project.home}/data/root/phase2/{name}", ("tier", "year")
        for year in ("2021", "2022"):
            table = Table(url=url, schema=TABLES[name][1], partition_by=by)
            commit(table, [], {"tier": "poor", "year": year})
    shutil.rmtree(Path(project.home) / "outputs/root/models/tiny/midi_pretrain")
    shutil.rmtree(Path(project.home) / "outputs/root/phase2/models/tiny/audio_pretrain")
    answer = project.pianograde("reproduce", experiment, PIANOGRADE_RECIPES=str(recipes))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "weights, bit for bit" in answer.stdout.splitlines()[-1]
    differing = [line for line in answer.stdout.splitlines() if line.startswith("differs")]
    assert [line.split(":")[0].split("differs  ")[1] for line in differing] == [
        "recipe phase2, tier poor",
        *(f"weights of {name}" for name in read),
    ]
    assert not list((Path(project.home) / "reproductions").iterdir())


def test_a_record_with_another_seed_differs_in_the_weights(project: Any) -> None:
    folder = model_folder(project, "midi_only")
    path = find_best(folder).with_suffix(".json")
    content = json.loads(path.read_text())
    content["config"]["seed"] += 1
    path.write_text(json.dumps(content))
    answer = project.pianograde("reproduce", str(folder))
    assert answer.returncode == 2
    assert "differs  settings and rows" in answer.stdout
    last = answer.stdout.splitlines()[-3:]
    assert [line.split()[0] for line in last] == ["differs", "figures", "see"]
    assert "weights, by at most" in last[0]
    checked = project.pianograde("reproduce", str(folder), "--check")
    assert checked.returncode == 2
    assert "weights, by" not in checked.stdout


def test_a_damaged_model_is_one_line(project: Any) -> None:
    find_best(model_folder(project, "gated")).write_bytes(b"no weights")
    answer = project.pianograde("reproduce", "gated")
    assert answer.returncode == 2
    assert "model gated in" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_models_are_listed_and_those_that_are_not_there_refused(project: Any) -> None:
    answer = project.pianograde("models")
    assert answer.returncode == 0
    rows = [line.split() for line in answer.stdout.splitlines()[1:-1]]
    assert rows.pop(0)[0] == "installed"
    assert [row[:4] for row in rows] == [
        ["root", "phase2", "tiny", name] for name in ("audio_only", "gated", "midi_only")
    ]
    assert project.pianograde("reproduce", "gated", "--check").returncode == 0
    for name, said in (("concat", "holds no finished model"), ("best", "no model is called best")):
        answer = project.pianograde("reproduce", name)
        assert answer.returncode == 2
        assert said in answer.stderr
        assert answer.stderr.count("\n") == 1
