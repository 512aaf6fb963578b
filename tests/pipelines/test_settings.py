import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from degradation.errors import UserError
from degradation.recipe_base import TAKEN_NAMES
from pipelines.settings import (
    CONFIGS,
    PROJECT,
    choice_file,
    find_recipe,
    load_settings,
    recipe_names,
    remember,
)
from pipelines.workspace import PARTITIONED_BY, Workspace
from storage.tables import commit, data_file_rows


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MAESTRO", "LIMIT", "EXPERIMENT", "RECIPES", "STORE", "LICENCE", "PORT"):
        monkeypatch.delenv(f"PIANOGRADE_{name}", raising=False)
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path))
    return tmp_path


def test_without_a_choice_the_corpus_is_the_demo(home: Path) -> None:
    settings = load_settings()
    assert settings.corpus_name == "demo"
    assert settings.years() == ["2021", "2022", "2023"]
    assert settings.store_url == f"{home}/data/demo"
    assert settings.corpus_licence == "CC0-1.0"


def test_a_choice_is_remembered_and_the_environment_goes_before_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(load_settings(maestro=Path("/data/maestro-v3.0.0"), limit=20), ["maestro", "limit"])
    assert load_settings().corpus_name == "maestro-v3.0.0-20"
    monkeypatch.setenv("PIANOGRADE_LIMIT", "60")
    assert load_settings().corpus_name == "maestro-v3.0.0-60"
    assert load_settings(limit=5).corpus_name == "maestro-v3.0.0-5"


def test_only_what_was_chosen_is_remembered(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "settings.json").write_text(json.dumps({"workers": 3, "limit": 40}))
    monkeypatch.setenv("PIANOGRADE_STORE", "s3://bucket")
    monkeypatch.setenv("PIANOGRADE_RECIPES", "/recipes")
    remember(load_settings(maestro=Path("/root"), limit=None), ["maestro", "limit"])
    remembered = json.loads((home / "settings.json").read_text())
    assert remembered == {"workers": 3, "maestro": "/root", "limit": None}
    monkeypatch.delenv("PIANOGRADE_STORE")
    assert load_settings().store is None


def test_the_licence_is_the_root_s_own(home: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    assert load_settings(maestro=root).corpus_licence == "unknown"
    (root / "LICENSE").write_text("Attribution-NonCommercial-ShareAlike 4.0 International\n...")
    assert load_settings(maestro=root).corpus_licence == "CC-BY-NC-SA-4.0"
    assert load_settings(maestro=root, licence="MIT").corpus_licence == "MIT"


def test_relative_paths_mean_the_same_everywhere(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(home=Path("here"), maestro=Path("a root"))
    assert settings.home == tmp_path / "here"
    assert settings.corpus_root == tmp_path / "a root"
    page = settings.outputs / "phase2" / "page.html"
    assert settings.link(page).startswith("http://127.0.0.1:3001/a%20root-")


def test_two_roots_of_one_name_do_not_share_tables(home: Path) -> None:
    names = {load_settings(maestro=Path(f"/{disk}/maestro")).store_url for disk in "ab"}
    assert len(names) == 2


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
def test_a_root_and_a_store_may_have_a_space_in_their_names(home: Path, prefix: str) -> None:
    root, store = home / "Béla's recordings, 50 %", home / "my store"
    settings = load_settings(maestro=root, store=f"{prefix}{store}")
    table = Workspace(settings).table("phase2", "pairs")
    commit(table, [])
    assert data_file_rows(table) == {}
    assert (store / settings.corpus_folder / "phase2" / "pairs" / "_delta_log").is_dir()


def test_a_store_that_is_quoted_already_stays(home: Path) -> None:
    settings = load_settings(maestro=Path("/data/my music"), store="s3://bucket/my%20store")
    assert settings.store_url.startswith("s3://bucket/my%20store/my%20music-")


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [("LIMIT", "-1", "limit"), ("LIMIT", "many", "limit"), ("WORKERS", "0", "workers")],
)
def test_a_bad_value_is_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, word: str
) -> None:
    monkeypatch.setenv(f"PIANOGRADE_{name}", value)
    with pytest.raises(UserError, match=word) as raised:
        load_settings()
    assert "\n" not in str(raised.value)


def test_a_broken_settings_file_is_one_line(home: Path) -> None:
    (home / "settings.json").write_text("{")
    with pytest.raises(UserError, match=r"settings\.json"):
        load_settings()
    (home / "settings.json").write_text(json.dumps({"limits": 3}))
    with pytest.raises(UserError, match="limits"):
        load_settings()


def test_recipes_are_those_of_the_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {"phase2", "phase2_recorded"} <= set(recipe_names())
    monkeypatch.setenv("PIANOGRADE_RECIPES", str(tmp_path))
    assert recipe_names() == []
    with pytest.raises(UserError, match="none"):
        find_recipe("phase2")


@pytest.mark.parametrize("name", [*PARTITIONED_BY, "main", "information_schema", "pg_catalog"])
def test_a_recipe_is_not_called_what_tables_or_schemas_are(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    recipe = (CONFIGS / "recipes" / "phase2.yaml").read_text()
    (tmp_path / f"{name}.yaml").write_text(recipe)
    monkeypatch.setenv("PIANOGRADE_RECIPES", str(tmp_path))
    for look in (recipe_names, lambda: find_recipe(name)):
        with pytest.raises(UserError, match=r"none of .*segments") as raised:
            look()
        assert "\n" not in str(raised.value)


def test_all_names_of_duckdb_are_taken() -> None:
    connection = duckdb.connect()
    schemas = "select schema_name from duckdb_schemas() union select database_name "
    names = {
        name for (name,) in connection.execute(f"{schemas} from duckdb_databases()").fetchall()
    }
    assert names <= TAKEN_NAMES


def test_an_empty_variable_is_none_and_a_quoted_tilde_is_the_person_s_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PIANOGRADE_HOME", "~/tilde")
    monkeypatch.setenv("PIANOGRADE_STORE", "~/store")
    settings = load_settings()
    assert settings.home == choice_file().parent == tmp_path / "tilde"
    assert settings.store_url == f"{tmp_path}/store/demo"
    for name in ("HOME", "STORE", "WORKERS"):
        monkeypatch.setenv(f"PIANOGRADE_{name}", "")
    assert load_settings().home == choice_file().parent == PROJECT / ".pianograde"
    assert load_settings().store is None


def test_workers_are_as_many_as_the_cores_that_may_be_used(home: Path) -> None:
    code = "from pipelines.settings import load_settings; print(load_settings().workers)"
    [core, *_] = os.sched_getaffinity(0)
    found = subprocess.run(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{core}}}); {code}"],
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if k != "PIANOGRADE_WORKERS"},
    )
    assert found.stdout == "1\n"
