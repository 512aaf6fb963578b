from pathlib import Path

import pytest
import yaml

from degradation.errors import UserError
from degradation.recipe import TIERS
from models.training.record import read_record
from models.training.result import find_best, load_result
from pipelines.assets.evaluation import judge, tier_sounds
from pipelines.assets.human_validation import trained_models
from pipelines.assets.training import read_examples
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace
from storage.tables import data_file_path, open_table
from tests.pipelines.small_tables import (
    RECIPE,
    commit_pairs,
    commit_rows,
    small_workspace,
    train_audio_only,
)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    return small_workspace(tmp_path)


def test_experiment_files_share_no_models(workspace: Workspace, tmp_path: Path) -> None:
    small = workspace.corpus.model_copy(update={"experiment": tmp_path / "small.yaml"})
    folders = [
        Workspace(workspace.settings, corpus).model_folder(RECIPE, "audio_only")
        for corpus in (workspace.corpus, small)
    ]
    assert [folder.parts[-3:] for folder in folders] == [
        ("models", "tiny", "audio_only"),
        ("models", "small", "audio_only"),
    ]


def test_what_is_recorded_is_what_was_read_whatever_is_committed_meanwhile(
    workspace: Workspace,
) -> None:
    read = {
        name: open_table(workspace.table(RECIPE, name)).version() for name in ("pairs", "samples")
    }

    def commit_more(line: str) -> None:
        if "epoch 1/1" in line:
            commit_pairs(workspace, "second", lowest_score=60)

    metadata = train_audio_only(commit_more)
    assert open_table(workspace.table(RECIPE, "pairs")).version() > read["pairs"]
    assert metadata["version of pairs"] == read["pairs"]
    assert metadata["version of samples"] == read["samples"]
    folder = workspace.model_folder(RECIPE, "audio_only")
    record = read_record(find_best(folder))
    assert record is not None
    assert {name: record.data.tables[name].version for name in read} == read


def test_samples_of_other_pairs_are_refused(workspace: Workspace) -> None:
    path = data_file_path(
        workspace.table(RECIPE, "pairs"), {"tier": "good", "year": "2004"}, "later"
    )
    commit_rows(workspace, "pairs", path, {"sample_id": ["s00"], "tier": ["good"], "year": [2004]})
    with pytest.raises(UserError, match=r"samples lacks 1 of 1 parts .* materialise samples again"):
        read_examples(workspace, RECIPE)


def test_a_model_is_judged_on_what_it_was_trained_for_alone(workspace: Workspace) -> None:
    train_audio_only()
    folder = workspace.model_folder(RECIPE, "audio_only")
    outcome = judge(workspace, RECIPE, "audio_only", read_examples(workspace, RECIPE))
    assert len(outcome.predictions) == 6
    assert outcome.training == load_result(folder, outcome.training.identity)

    stale = "audio_only was trained on other data or settings"
    chosen = workspace.corpus.experiment
    written = yaml.safe_load(chosen.read_text())
    longer = {**written, "training": written["training"] | {"epochs": 2}}
    chosen.write_text(yaml.safe_dump(longer))
    with pytest.raises(UserError, match=stale):
        judge(workspace, RECIPE, "audio_only", read_examples(workspace, RECIPE))
    chosen.write_text(yaml.safe_dump(written))
    commit_pairs(workspace, "second", lowest_score=60)
    with pytest.raises(UserError, match=stale):
        judge(workspace, RECIPE, "audio_only", read_examples(workspace, RECIPE))


def test_no_model_of_other_data_is_put_beside_listeners(workspace: Workspace) -> None:
    assert trained_models(workspace, RECIPE) == {}
    train_audio_only()
    assert list(trained_models(workspace, RECIPE)) == ["audio_only"]
    commit_pairs(workspace, "second", lowest_score=60)
    with pytest.raises(UserError, match="audio_only was trained on other data or settings"):
        trained_models(workspace, RECIPE)


def test_counterfactual_rows_are_graded_where_there_are_some(workspace: Workspace) -> None:
    train_audio_only()
    data = read_examples(workspace, RECIPE)
    assert judge(workspace, RECIPE, "audio_only", data).counterfactual is None
    splits = ("train", "test_counterfactual", "validation", "test")
    commit_pairs(workspace, "second", 60, splits)
    train_audio_only()
    outcome = judge(workspace, RECIPE, "audio_only", read_examples(workspace, RECIPE))
    assert outcome.counterfactual is not None
    assert set(outcome.counterfactual["sample_id"]) == {f"s{row:02d}" for row in range(1, 24, 4)}
    assert set(outcome.predictions["sample_id"]) == {f"s{row:02d}" for row in range(3, 24, 4)}


def test_the_sound_of_a_tier_is_read_off_the_recipe() -> None:
    sounds = tier_sounds(find_recipe(RECIPE))
    assert tuple(sounds) == TIERS
    assert [sound.snr_db for sound in sounds.values()] == [None, 35, 25, 20]
    assert [sound.band_hz for sound in sounds.values()] == [None, None, None, (200, 6000)]
