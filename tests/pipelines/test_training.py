import logging
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
import yaml

from degradation.errors import UserError
from degradation.recipe import TIERS
from labeling.scores import DIMENSIONS
from models.inputs.feature_writer import audio_features_version, midi_tokens_version
from models.tokens.performance import PERFORMANCE_DTYPE
from models.training.record import read_record
from models.training.result import find_best, load_result
from pipelines.assets.evaluation import judge, tier_sounds
from pipelines.assets.human_validation import trained_models
from pipelines.assets.training import read_examples, training_assets
from pipelines.corpora import Corpus, write_corpus
from pipelines.resources import Project
from pipelines.settings import CONFIGS, find_recipe, load_settings
from pipelines.workspace import Workspace
from storage.derived import samples_path
from storage.tables import commit, data_file_path, derived_path, open_table, write_data_file

RECIPE = "phase2"
CORPUS = "demo"
FRAMES = 40
SPLITS = ("train", "train", "validation", "test")


def commit_rows(workspace: Workspace, name: str, path: str, columns: dict[str, list[Any]]) -> None:
    """Make `path` all that a table holds; columns that are not given are null."""
    table = workspace.table(RECIPE, name)
    rows = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns.get(field.name, [None] * rows), field.type) for field in table.schema
    ]
    commit(table, [write_data_file(table, path, [pa.table(arrays, schema=table.schema)])])


def commit_pairs(workspace: Workspace, name: str, lowest_score: float) -> None:
    """Commit a version of the pairs of one part, and all tables that follow from it."""
    rng, config = np.random.default_rng(1), workspace.experiment_config()
    splits = [SPLITS[row % 4] for row in range(24)]
    about = {
        "sample_id": [f"s{row:02d}" for row in range(24)], "split": splits,
        "segment_id": [f"g{row:02d}" for row in range(24)],
        "composition": [f"piece {split}" for split in splits],
        "tier": ["good"] * 24, "year": [2004] * 24, "duration_s": [2.0] * 24,
    }  # fmt: skip
    scores = {name: list(rng.uniform(lowest_score, 95, 24)) for name in DIMENSIONS}
    mels = rng.normal(-80, 5, (24, FRAMES, config.audio_features.width)).astype("<f2")
    mel_columns = {
        "features": [mel.tobytes() for mel in mels], "frames": [FRAMES] * 24,
        "width": [config.audio_features.width] * 24,
    }  # fmt: skip
    tokens = {"tokens": [np.ones(3, PERFORMANCE_DTYPE).tobytes()] * 24, "notes": [3] * 24}
    path = data_file_path(workspace.table(RECIPE, "pairs"), {"tier": "good", "year": "2004"}, name)
    commit_rows(workspace, "pairs", path, about)
    commit_rows(workspace, "samples", samples_path([path]), about | scores)
    for table, version, columns in (
        ("audio_features", audio_features_version(config.audio_features), mel_columns),
        ("midi_tokens", midi_tokens_version("performance"), tokens),
    ):
        commit_rows(workspace, table, derived_path(path, version), about | columns)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    content = yaml.safe_load((CONFIGS / "experiments" / "demo.yaml").read_text())
    content["training"] |= {"epochs": 1, "batch_size": 8}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    settings, corpus = load_settings(), Corpus(name=CORPUS, experiment=tmp_path / "tiny.yaml")
    write_corpus(settings, corpus)
    found = Workspace(settings, corpus)
    commit_pairs(found, "first", lowest_score=80)
    return found


def train_audio_only(on_line: Any = None) -> dict[str, Any]:
    """Materialise `audio_only` and return its metadata; `on_line` is called with what is logged."""

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            on_line(record.getMessage())

    context = dg.build_asset_context(partition_key=CORPUS)
    if on_line:
        context.log.addHandler(Listener())
    asset = next(a for a in training_assets(RECIPE) if a.key.path[-1] == "audio_only")
    result = asset(context, project=Project())
    assert isinstance(result, dg.MaterializeResult)
    return dict(result.metadata or {})


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


def test_counterfactual_rows_are_graded_where_there_are_some(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_audio_only()
    data = read_examples(workspace, RECIPE)
    assert judge(workspace, RECIPE, "audio_only", data).counterfactual is None
    splits = ("train", "test_counterfactual", "validation", "test")
    monkeypatch.setitem(globals(), "SPLITS", splits)
    commit_pairs(workspace, "second", lowest_score=60)
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
