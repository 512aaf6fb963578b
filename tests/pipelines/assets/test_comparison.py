import json

import dagster as dg
import pytest

from degradation.errors import UserError
from pipelines.assets.comparison import comparison_asset, read_reports
from pipelines.assets.evaluation import report_file
from pipelines.corpora import Corpus, write_corpus
from pipelines.definitions import defs
from pipelines.resources import Project
from pipelines.settings import load_settings, recipe_names
from pipelines.workspace import Workspace


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Workspace:
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path))
    return Workspace(load_settings(), Corpus(name="demo"))


def test_an_old_report_is_refused_and_a_missing_one_is_none(workspace: Workspace) -> None:
    assert read_reports(workspace, ["first", "second"]) == {"first": None, "second": None}
    with workspace.write(workspace.output("first", "evaluation")):
        report_file(workspace, "first").write_text(json.dumps({"schema_version": 3}))
    with pytest.raises(UserError, match=r"report\.json is no Report of this version"):
        read_reports(workspace, ["first", "second"])


def test_without_any_report_the_asset_says_what_to_do(workspace: Workspace) -> None:
    write_corpus(workspace.settings, workspace.corpus)
    context = dg.build_asset_context(partition_key="demo")
    with pytest.raises(UserError, match="no recipe of first has a report"):
        comparison_asset(["first"])(context, Project())


def test_it_follows_the_evaluations_of_all_recipes() -> None:
    graph = defs.resolve_asset_graph()
    parents = graph.get(dg.AssetKey(["recipe_comparison"])).parent_keys
    assert parents == {dg.AssetKey([name, "evaluation"]) for name in recipe_names()}
