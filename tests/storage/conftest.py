"""A tiny corpus of the built-in pieces, a recorded one, and the shards that come of them."""

import csv
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from degradation.draws import draws_of
from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_CONTROLLERS,
    PEDAL_DTYPE,
    Performance,
    release_before_restrike,
    snap,
    sort_pedal,
)
from degradation.recipe import TIERS, Recipe, load_recipe
from degradation.render import Instrument, render
from degradation.seeds import stream
from storage.corpus import COLUMNS, CorpusConfig, load_corpus_config, read_index
from storage.demo_corpus import write_demo_corpus
from storage.midi import read_midi
from storage.pairs import CorpusOrigin, PairsTask, clean_segment, write_pairs
from storage.performances import load_performances, plan_performances, write_performances
from storage.schema import PAIRS, PAIRS_QUARANTINE, PERFORMANCES, QUARANTINE, SEGMENTS
from storage.segments import write_segments
from storage.tables import Table, commit, read_table

CONFIGS = Path(__file__).parents[2] / "configs"

WriteRoot = Callable[..., Path]
MakeTask = Callable[..., PairsTask]


def play_at_random(seed: int, notes: int = 80, duration_s: float = 10.0) -> Performance:
    """Notes on every key and movements of all pedals, several of them on the same tick."""
    rng = stream(seed, "random performance")
    played = np.zeros(notes, dtype=NOTE_DTYPE)
    played["onset_s"] = snap(np.sort(rng.uniform(0, duration_s - 0.1, notes)))
    played["onset_s"][1::7] = played["onset_s"][::7][: len(played["onset_s"][1::7])]
    played = played[np.argsort(played["onset_s"], kind="stable")]
    played["offset_s"] = snap(played["onset_s"] + rng.uniform(0.0001, 0.1, notes))
    played["pitch"] = rng.permutation(np.resize(np.arange(21, 109), notes))
    played["velocity"] = rng.integers(1, 128, notes)
    played = release_before_restrike(played)
    played = played[np.lexsort((played["pitch"], played["onset_s"]))]
    played["note_id"] = np.arange(notes)
    pedal = np.zeros(3 * notes, dtype=PEDAL_DTYPE)
    pedal["time_s"] = snap(rng.integers(0, int(duration_s * 50), len(pedal)) / 50)
    pedal["controller"] = rng.choice(PEDAL_CONTROLLERS, len(pedal))
    pedal["value"] = rng.integers(0, 128, len(pedal))
    return Performance(notes=played, pedal=sort_pedal(pedal), duration_s=duration_s)


@pytest.fixture
def random_performance() -> Callable[..., Performance]:
    """Make `play_at_random(seed, notes=80, duration_s=10.0)`."""
    return play_at_random


@pytest.fixture(scope="session")
def demo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo")
    write_demo_corpus(root)
    return root


@pytest.fixture(scope="session")
def demo_rows(demo_root: Path) -> list[dict[str, str]]:
    """Rows of the demo corpus's table: one rendition of a piece of each split a year."""
    with next(demo_root.glob("*.csv")).open(newline="") as file:
        rows = list(csv.DictReader(file))
    titles = {
        split: next(row["canonical_title"] for row in rows if row["split"] == split)
        for split in ("train", "validation", "test")
    }
    return [row for row in rows if row["canonical_title"] == titles[row["split"]]]


@pytest.fixture
def write_root(demo_root: Path, tmp_path: Path) -> WriteRoot:
    """Write a MAESTRO root of these rows; the demo corpus's files are copied where named."""

    def write(
        rows: list[dict[str, str]], columns: tuple[str, ...] = COLUMNS, name: str = "root"
    ) -> Path:
        root = tmp_path / name
        root.mkdir()
        for row in rows:
            source = demo_root / row["midi_filename"]
            if source.parent.parent == demo_root and source.exists():
                target = root / row["midi_filename"]
                target.parent.mkdir(exist_ok=True)
                shutil.copy(source, target)
        with (root / "maestro.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, columns, extrasaction="ignore")
            table.writeheader()
            table.writerows(rows)
        return root

    return write


@pytest.fixture(scope="session")
def corpus_config() -> CorpusConfig:
    return load_corpus_config(CONFIGS / "corpus.yaml")


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return load_recipe(CONFIGS / "recipes" / "phase2.yaml")


@pytest.fixture(scope="session")
def recorded_recipe() -> Recipe:
    return load_recipe(CONFIGS / "recipes" / "phase2_recorded.yaml")


def build_corpus(root: Path, store: Path, config: CorpusConfig) -> dict[str, Table]:
    """Read a root into committed tables of performances, their quarantine, and segments."""
    tables = {
        "performances": Table(
            url=str(store / "performances"), schema=PERFORMANCES, partition_by=("year",)
        ),
        "quarantine": Table(
            url=str(store / "quarantine"), schema=QUARANTINE, partition_by=("stage",)
        ),
        "segments": Table(url=str(store / "segments"), schema=SEGMENTS),
    }
    tasks = plan_performances(
        tables["performances"],
        tables["quarantine"],
        root,
        read_index(root).entries,
        config.duration_tolerance_s,
    )
    written = [write_performances(task) for task in tasks]
    commit(tables["performances"], [made for made, _ in written])
    commit(tables["quarantine"], [left_out for _, left_out in written], {"stage": "performances"})
    part, _ = write_segments(tables["segments"], tables["performances"], config)
    commit(tables["segments"], [part])
    return tables


@pytest.fixture(scope="session")
def corpus_tables(
    demo_root: Path, tmp_path_factory: pytest.TempPathFactory, corpus_config: CorpusConfig
) -> dict[str, Table]:
    """The demo corpus: tables `performances`, `quarantine` and `segments`."""
    return build_corpus(demo_root, tmp_path_factory.mktemp("corpus"), corpus_config)


@pytest.fixture(scope="session")
def recorded_root(demo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root of two performances with recordings: 44.1 kHz stereo, of which one is 96 kHz mono."""
    root = tmp_path_factory.mktemp("recorded")
    with next(demo_root.glob("*.csv")).open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: float(row["duration"]))[:2]
    for row, rate_hz in zip(rows, (44_100, 96_000), strict=True):
        midi = demo_root / row["midi_filename"]
        target = root / row["midi_filename"]
        target.parent.mkdir(exist_ok=True)
        shutil.copy(midi, target)
        instrument = Instrument(
            soundfont="TimGM6mb.sf2", bank=0, program=0, sample_rate_hz=rate_hz, gain=0.6
        )
        played = read_midi(midi.read_bytes(), midi.name)
        heard = render(
            Performance(
                notes=played.notes, pedal=played.pedal, duration_s=float(row["duration"]) + 2
            ),
            instrument,
        ).samples
        samples = np.column_stack([heard, heard]) if rate_hz == 44_100 else heard
        row["audio_filename"] = row["midi_filename"].replace(".midi", ".wav")
        soundfile.write(root / row["audio_filename"], samples, rate_hz, subtype="FLOAT")
    with (root / "maestro.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    return root


@pytest.fixture(scope="session")
def recorded_tables(
    recorded_root: Path, tmp_path_factory: pytest.TempPathFactory, corpus_config: CorpusConfig
) -> dict[str, Table]:
    """The recorded corpus: tables `performances`, `quarantine` and `segments`."""
    return build_corpus(recorded_root, tmp_path_factory.mktemp("recorded-corpus"), corpus_config)


def plan_pairs(
    corpus: dict[str, Table],
    root: Path,
    recipe: Recipe,
    store: Path,
    tier: str,
    rows: int,
    every: int = 1,
) -> PairsTask:
    """Plan `rows` draws of one tier and of the corpus's first year, every so-manieth of them."""
    segments: list[dict[str, Any]] = read_table(corpus["segments"]).to_table().to_pylist()
    year = min(segment["year"] for segment in segments)
    music = load_performances(corpus["performances"], year)
    draws = [
        (draw, segment)
        for segment in sorted(segments, key=lambda s: str(s["segment_id"]))
        if segment["year"] == year
        for draw in draws_of(
            recipe,
            segment["segment_id"],
            segment["split"],
            partial(clean_segment, segment, music),
        )
        if draw.tier == tier
    ][::every][:rows]
    return PairsTask(
        table=Table(url=str(store / "pairs"), schema=PAIRS, partition_by=("tier", "year")),
        quarantine=Table(
            url=str(store / "pairs_quarantine"),
            schema=PAIRS_QUARANTINE,
            partition_by=("tier", "year"),
        ),
        origin=CorpusOrigin(name="tiny", root=root, licence="CC0-1.0"),
        year=year,
        tier=tier,
        draws=tuple(draws),
        performances={s["performance_id"]: music[s["performance_id"]] for _, s in draws},
    )


@pytest.fixture
def make_task(
    corpus_tables: dict[str, Table], demo_root: Path, recipe: Recipe, tmp_path: Path
) -> MakeTask:
    """Plan pairs of the demo corpus: `make_task(tier, rows, store=tmp_path, recipe=phase2)`."""

    def make(
        tier: str, rows: int, store: Path = tmp_path, recipe: Recipe = recipe, every: int = 1
    ) -> PairsTask:
        return plan_pairs(corpus_tables, demo_root, recipe, store, tier, rows, every)

    return make


@pytest.fixture
def make_recorded_task(
    recorded_tables: dict[str, Table],
    recorded_root: Path,
    recorded_recipe: Recipe,
    tmp_path: Path,
) -> MakeTask:
    """Plan pairs of the recorded corpus: `make_recorded_task(tier, rows, root=its own)`."""

    def make(tier: str, rows: int, root: Path = recorded_root) -> PairsTask:
        return plan_pairs(recorded_tables, root, recorded_recipe, tmp_path, tier, rows)

    return make


@pytest.fixture
def make_task_of_root(tmp_path: Path, corpus_config: CorpusConfig) -> MakeTask:
    """Read any root and plan pairs of it: `make_task_of_root(root, recipe, tier, rows)`."""

    def make(root: Path, recipe: Recipe, tier: str, rows: int) -> PairsTask:
        tables = build_corpus(root, tmp_path / "corpus", corpus_config)
        return plan_pairs(tables, root, recipe, tmp_path, tier, rows)

    return make


@pytest.fixture(scope="session")
def shards(
    corpus_tables: dict[str, Table],
    demo_root: Path,
    recipe: Recipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> Table:
    """A committed table of pairs: 4 rows a tier, and 40 of the poor, over all music of a year."""
    store = tmp_path_factory.mktemp("shards")
    parts = defaultdict(list)
    for tier in TIERS:
        rows = 40 if tier == "poor" else 4
        task = plan_pairs(corpus_tables, demo_root, recipe, store, tier, rows)
        parts[tier, str(task.year)].append(write_pairs(task)[0])
    for (tier, year), written in parts.items():
        commit(task.table, written, {"tier": tier, "year": year})
    return task.table


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 1 MB; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("mounting a disk of 1 MB needs root")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"a disk of 1 MB cannot be mounted here: {made.stderr.strip()}")
    try:
        yield disk
    finally:
        # Lazily: a process that another test forked meanwhile may hold a file of it for a moment.
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
