"""A corpus of 24 made-up rows with all tables that a training reads, and such a training."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import yaml

from labeling.measures import PLAIN
from labeling.scores import DIMENSIONS
from models.inputs.feature_writer import audio_features_version, midi_tokens_version
from models.tokens.performance import PERFORMANCE_DTYPE
from pipelines.assets.training import training_assets
from pipelines.corpora import Corpus, write_corpus
from pipelines.resources import Project
from pipelines.settings import CONFIGS, load_settings
from pipelines.workspace import Workspace
from storage.derive import derived_path
from storage.derived import samples_path
from storage.tables import commit, data_file_path, write_data_file

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


def commit_pairs(
    workspace: Workspace, name: str, lowest_score: float, cycle: Sequence[str] = SPLITS
) -> None:
    """Commit a version of the pairs of one part, and all tables that follow from it."""
    rng, config = np.random.default_rng(1), workspace.experiment_config()
    splits = [cycle[row % 4] for row in range(24)]
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
    tokens = {
        "tokens": [np.ones(3, PERFORMANCE_DTYPE).tobytes()] * 24, "notes": [3] * 24,
        "measures": [rng.normal(size=len(PLAIN))] * 24,
    }  # fmt: skip
    path = data_file_path(workspace.table(RECIPE, "pairs"), {"tier": "good", "year": "2004"}, name)
    commit_rows(workspace, "pairs", path, about)
    commit_rows(workspace, "samples", samples_path([path]), about | scores)
    for table, version, columns in (
        (
            "audio_features",
            audio_features_version(config.audio_features, "performance", None),
            mel_columns,
        ),
        ("midi_tokens", midi_tokens_version("performance"), tokens),
    ):
        commit_rows(workspace, table, derived_path(path, version), about | columns)


def small_workspace(folder: Path) -> Workspace:
    """Return a workspace in PIANOGRADE_HOME whose models train for one epoch, with its tables."""
    content = yaml.safe_load((CONFIGS / "experiments" / "demo.yaml").read_text())
    content["training"] |= {"epochs": 1, "batch_size": 8}
    content["hearing"] = None
    (folder / "tiny.yaml").write_text(yaml.safe_dump(content))
    settings, corpus = load_settings(), Corpus(name=CORPUS, experiment=folder / "tiny.yaml")
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
