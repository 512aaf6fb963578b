"""Corpora: files with names, each a partition, and which of them a command means."""

from pathlib import Path

import pytest
import yaml

from degradation.errors import UserError
from pipelines.assets.recipe import recipe_asset
from pipelines.corpora import (
    Corpus,
    choose_corpus,
    corpus_file,
    corpus_names,
    derived_name,
    find_corpus,
    planned_corpus,
    write_corpus,
)
from pipelines.settings import CONFIGS, Settings
from pipelines.workspace import Workspace


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("PIANOGRADE_CORPUS", raising=False)
    return Settings(home=tmp_path / "home")


def test_a_corpus_is_read_as_it_was_written(settings: Settings, demo_root: Path) -> None:
    corpus = Corpus(name="mine", maestro=demo_root, limit=5, licence="MIT")
    write_corpus(settings, corpus)
    assert find_corpus(settings, "mine") == corpus
    assert corpus_names(settings) == ["mine"]
    assert "name" not in yaml.safe_load(corpus_file(settings, "mine").read_text())


def test_the_demo_is_built_in_and_the_only_corpus_is_meant(
    settings: Settings, demo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_corpus(settings, None) == Corpus(name="demo")
    write_corpus(settings, Corpus(name="first", maestro=demo_root))
    assert choose_corpus(settings, None).name == "first"
    write_corpus(settings, Corpus(name="second", maestro=demo_root, limit=3))
    with pytest.raises(UserError, match=r"first, second.*--corpus NAME"):
        choose_corpus(settings, None)
    assert choose_corpus(settings, "second").limit == 3
    monkeypatch.setenv("PIANOGRADE_CORPUS", "first")
    assert choose_corpus(Settings(home=settings.home), None).name == "first"
    with pytest.raises(UserError, match="there is no corpus third; expected one of first, second"):
        choose_corpus(settings, "third")


@pytest.mark.parametrize(
    ("content", "words"),
    [("limit: 2", "limit"), ("limits: 5", "limits"), ("[", "YAML"), ("licence: [1]", "licence")],
)
def test_a_broken_file_is_one_line_and_leaves_the_others_alone(
    settings: Settings, demo_root: Path, content: str, words: str
) -> None:
    write_corpus(settings, Corpus(name="whole", maestro=demo_root))
    corpus_file(settings, "broken").write_text(content)
    with pytest.raises(UserError, match=rf"broken\.yaml.*{words}") as raised:
        find_corpus(settings, "broken")
    assert "\n" not in str(raised.value)
    assert find_corpus(settings, "whole").maestro == demo_root


@pytest.mark.parametrize(
    ("folder", "limit", "name"),
    [
        ("maestro-v3.0.0", 20, "maestro-v3.0.0-20"),
        ("Béla's recordings, 50 %", None, "b-la-s-recordings-50"),
        ("a|b", 3, "a-b-3"),
        ("__", None, "root"),
    ],
)
def test_a_root_gives_a_name_that_is_a_key_and_a_folder(
    tmp_path: Path, folder: str, limit: int | None, name: str
) -> None:
    assert derived_name(tmp_path / folder, limit) == name
    assert Corpus(name=name).name == name


@pytest.mark.parametrize("name", ["a|b", "../a", "A", "", "-a", "a" * 70])
def test_a_name_that_is_no_key_is_refused(settings: Settings, demo_root: Path, name: str) -> None:
    with pytest.raises(UserError, match="name"):
        planned_corpus(settings, name or "|", maestro=demo_root)


def test_two_roots_of_one_name_do_not_share_tables(
    settings: Settings, demo_root: Path, tmp_path: Path
) -> None:
    twin = tmp_path / "elsewhere" / demo_root.name
    twin.parent.mkdir()
    twin.symlink_to(demo_root)
    _, first = planned_corpus(settings, None, maestro=demo_root)
    write_corpus(settings, first.model_copy(update={"maestro": Path("/another/root")}))
    _, other = planned_corpus(settings, None, maestro=demo_root)
    assert other.name != first.name
    assert other.name.startswith(f"{first.name}-")
    with pytest.raises(UserError, match="expected another name"):
        planned_corpus(settings, first.name, maestro=demo_root)


def test_what_is_not_given_stays(settings: Settings, demo_root: Path) -> None:
    small = CONFIGS / "experiments" / "small.yaml"
    before, corpus = planned_corpus(
        settings, "mine", maestro=demo_root, licence="MIT", experiment=small
    )
    assert before is None
    write_corpus(settings, corpus)
    before, again = planned_corpus(settings, "mine", maestro=demo_root)
    assert before == again == corpus
    _, changed = planned_corpus(settings, "mine", maestro=demo_root, licence="CC0-1.0")
    assert (changed.licence, changed.experiment) == ("CC0-1.0", small)


def test_the_licence_is_the_root_s_own(tmp_path: Path) -> None:
    assert Corpus(name="demo").found_licence == "CC0-1.0"
    root = tmp_path / "root"
    root.mkdir()
    corpus = Corpus(name="root", maestro=root)
    assert corpus.found_licence == "unknown"
    (root / "LICENSE").write_text("Attribution-NonCommercial-ShareAlike 4.0 International\n...")
    assert corpus.found_licence == "CC-BY-NC-SA-4.0"
    assert corpus.model_copy(update={"licence": "MIT"}).found_licence == "MIT"


def test_a_table_that_is_not_there_names_its_corpus_s_assets_and_command(
    settings: Settings,
) -> None:
    workspace = Workspace(settings, Corpus(name="small"))
    with pytest.raises(UserError) as told:
        workspace.years()
    way_out = "materialise corpus and segments of small, or `pianograde run --corpus small`"
    assert str(told.value).endswith(f": {way_out}")


def test_a_recipe_s_page_names_the_file_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIANOGRADE_RECIPES", str(tmp_path))
    assert f"`{tmp_path}/mine.yaml`" in (recipe_asset("mine").description or "")
