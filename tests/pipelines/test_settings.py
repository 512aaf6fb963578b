import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from degradation.errors import UserError
from degradation.recipe_base import TAKEN_NAMES
from pipelines.corpora import Corpus
from pipelines.settings import CONFIGS, PROJECT, find_recipe, load_settings, recipe_names
from pipelines.workspace import PARTITIONED_BY, Workspace
from storage.tables import commit, data_file_rows


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith("PIANOGRADE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path))
    return tmp_path


def test_relative_paths_mean_the_same_everywhere(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(home=Path("here"))
    assert settings.home == tmp_path / "here"
    assert Corpus(name="a", maestro=Path("a root")).maestro == tmp_path / "a root"
    page = settings.outputs / "a" / "phase 2" / "page.html"
    assert settings.link(page) == "http://127.0.0.1:3001/a/phase%202/page.html"
    served = load_settings(home=Path("here"), pages_url="https://pages.example/")
    assert served.link(page) == "https://pages.example/a/phase%202/page.html"


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
def test_a_store_may_have_a_space_in_its_name(home: Path, prefix: str) -> None:
    store = home / "my store, 50 %"
    workspace = Workspace(load_settings(store=f"{prefix}{store}"), Corpus(name="mine"))
    table = workspace.table("phase2", "pairs")
    commit(table, [])
    assert data_file_rows(table) == {}
    assert (store / "mine" / "phase2" / "pairs" / "_delta_log").is_dir()


def test_a_store_that_is_quoted_already_stays(home: Path) -> None:
    assert load_settings(store="s3://bucket/my%20store/").store_url == "s3://bucket/my%20store"


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [("PORT", "-1", "port"), ("PORT", "many", "port"), ("WORKERS", "0", "workers")],
)
def test_a_bad_value_is_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, word: str
) -> None:
    monkeypatch.setenv(f"PIANOGRADE_{name}", value)
    with pytest.raises(UserError, match=word) as raised:
        load_settings()
    assert "\n" not in str(raised.value)


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
    assert recipe_names() == []
    with pytest.raises(UserError, match=r"none of .*segments") as raised:
        find_recipe(name)
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
    assert settings.home == tmp_path / "tilde"
    assert settings.store_url == f"{tmp_path}/store"
    for name in ("HOME", "STORE", "WORKERS"):
        monkeypatch.setenv(f"PIANOGRADE_{name}", "")
    assert load_settings().home == PROJECT / ".pianograde"
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
