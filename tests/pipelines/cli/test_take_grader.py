"""`fit-grader`, and `models` and `reproduce` on what it makes, of the demo corpus."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from models.document import read_document, write_document
from models.take_grader.document import INSTALLED, TakeGrader
from pipelines.cli import app
from pipelines.corpora import Corpus, write_corpus
from pipelines.definitions import defs
from pipelines.grader_reproduction import compare_graders
from pipelines.settings import load_settings


def pianograde(*arguments: str) -> tuple[int, str, str]:
    answer = CliRunner().invoke(app, arguments)
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stdout, answer.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, demo_root: Path) -> Iterator[Path]:
    """A home with two corpora of the demo's music."""
    folder = tmp_path_factory.mktemp("grader")
    with pytest.MonkeyPatch.context() as patched:
        for name in os.environ:
            if name.startswith(("PIANOGRADE_", "DAGSTER")):
                patched.delenv(name)
        patched.setenv("PIANOGRADE_HOME", str(folder / "home"))
        patched.setenv("PIANOGRADE_WORKERS", "2")
        patched.setattr("models.take_grader.fit.DRAWS", 2)  # of six: faster
        (folder / "dagster").mkdir()
        patched.setenv("DAGSTER_HOME", str(folder / "dagster"))
        for name in ("one", "two"):
            write_corpus(load_settings(), Corpus(name=name, maestro=demo_root))
        yield folder / "home"


@pytest.fixture(scope="module")
def fitted(home: Path) -> tuple[TakeGrader, str]:
    """A grader of both corpora, copied beside the home; and what the command said."""
    copy = home.parent / "copy.json"
    arguments = ["--corpus", "one", "--also", "two", "--seed", "3", "--out", str(copy)]
    code, said, errors = pianograde("fit-grader", *arguments)
    assert code == 0, errors
    file = home / "outputs/one/models/take_grader/take_grader.json"
    assert file.read_bytes() == copy.read_bytes()
    return read_document(copy, TakeGrader), said


@pytest.mark.slow
def test_it_learns_from_all_corpora_named_and_says_how_well(
    fitted: tuple[TakeGrader, str], home: Path
) -> None:
    grader, said = fitted
    assert [music.corpus for music in grader.music] == ["one", "two"]
    assert len({music.digest for music in grader.music}) == 1  # the same files in two corpora
    assert (grader.recipe, grader.seed) == ("lifelike", 3)
    r = grader.skill["rhythmic_stability"].r
    assert f"rhythmic_stability        {r:.2f}" in said
    with dg.DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["take_grader"]))
    assert event is not None
    assert event.asset_materialization is not None
    shown = event.asset_materialization.metadata["curves"].value
    assert isinstance(shown, dict)
    first = grader.dimensions["rhythmic_stability"].curves[0]
    assert shown["rhythmic_stability"][first.measure]["value"] == list(first.knots)


@pytest.mark.slow
def test_it_is_listed_after_the_installed_one(fitted: tuple[TakeGrader, str]) -> None:
    code, said, _ = pianograde("models")
    rows = [line.split()[:4] for line in said.splitlines()[1:3]]
    assert code == 0
    assert rows == [[name, "lifelike", "-", "take_grader"] for name in ("installed", "one")]


@pytest.mark.slow
def test_it_is_fitted_again_to_the_same_numbers_and_a_change_is_seen(
    fitted: tuple[TakeGrader, str], home: Path
) -> None:
    code, said, errors = pianograde("reproduce", "take_grader", "--corpus", "one")
    assert code == 0, said + errors
    assert "bit for bit" in said.splitlines()[-1]
    assert {line.split()[0] for line in said.splitlines()[1:-1]} == {"same"}
    file = home / "outputs/one/models/take_grader/take_grader.json"
    whole = file.read_text()
    changed = json.loads(whole)
    changed["recipe_digest"], changed["music"][1]["digest"] = "c0ffee", "c0ffee"
    changed["overall_base"] += 0.25
    file.write_text(json.dumps(changed))
    code, said, _ = pianograde("reproduce", "take_grader", "--corpus", "one", "--check")
    assert code == 2
    differing = [line.split(":")[0] for line in said.splitlines() if line.startswith("differs")]
    assert differing == ["differs  corpus two", "differs  recipe lifelike, tier poor"]
    code, said, _ = pianograde("reproduce", "take_grader", "--corpus", "one")
    file.write_text(whole)
    assert code == 2
    assert "differs  1 of" in said.splitlines()[-1]
    assert said.splitlines()[-1].endswith("by at most 0.25")


def test_without_its_music_the_installed_one_says_how_to_make_it(home: Path) -> None:
    code, said, errors = pianograde("reproduce", "take_grader", "--check")
    assert code == 2
    assert "missing  corpus easy" in said
    assert "`python -m tools.easy_corpus FOLDER`" in said
    assert errors.count("\n") == 1
    code, _, errors = pianograde("reproduce", "take_grader", "--corpus", "two")
    assert code == 2
    assert "`pianograde fit-grader --corpus two`" in errors


def test_an_empty_home_has_the_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path))
    code, said, _ = pianograde("models")
    assert code == 0
    assert said.splitlines()[1].startswith("installed  lifelike")
    assert "next: pianograde demo" in said


def test_graders_are_compared_number_by_number(tmp_path: Path) -> None:
    grader = read_document(INSTALLED, TakeGrader)
    write_document(tmp_path / "again.json", grader)
    same = compare_graders(grader, read_document(tmp_path / "again.json", TakeGrader))
    assert (same.differing, same.largest) == (0, 0.0)
    assert same.numbers > 100
    weights = dict(grader.overall_weights)
    removed = weights.pop("rhythmic_stability")
    assert removed > 0
    found = compare_graders(grader, replace(grader, overall_weights=weights))
    assert (found.differing, found.largest) == (1, float("inf"))


def test_it_starts_only_when_asked_and_follows_corpus_and_recipe() -> None:
    node = defs.resolve_asset_graph().get(dg.AssetKey(["take_grader"]))
    assert node.automation_condition is None
    assert node.parent_keys == {dg.AssetKey(["corpus"]), dg.AssetKey(["lifelike", "recipe"])}


def test_what_the_installed_one_learnt_from_is_named() -> None:
    grader = read_document(INSTALLED, TakeGrader)
    assert all(music.digest for music in grader.music)
    assert grader.made.commit is not None
    assert not grader.made.commit.endswith("-dirty")
