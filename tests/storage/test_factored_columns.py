"""Rows of a factored recipe: what they say, and that they can be made again."""

import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from degradation.draws import NOTHING, NUISANCE, FactoredDraw, draws_of
from degradation.factored import FACTORS, FactoredRecipe
from degradation.recipe import load_recipe
from labeling.scores import DIMENSIONS
from storage.audio import encode_flac
from storage.factored_columns import recording_quality
from storage.midi import read_midi
from storage.pairs import (
    CorpusOrigin,
    clean_segment,
    make_row,
)
from storage.performances import load_performances
from storage.replay import replay, replay_without_noise
from storage.schema import PAIRS, SAMPLES
from storage.tables import Table, read_table
from storage.verify import measured_snr_db

RECIPES = Path(__file__).parents[2] / "configs" / "recipes"

AGAIN = """
import pickle, sys
from functools import partial
from pathlib import Path
from storage.replay import write_replay
for number, row in enumerate(pickle.loads(Path(sys.argv[1]).read_bytes())):
    write_replay(row, Path(), Path(sys.argv[2]) / str(number))
"""

Row = dict[str, Any]


@pytest.fixture(scope="module")
def factored() -> FactoredRecipe:
    """The shipped recipe, with a family for every held-out segment."""
    recipe = load_recipe(RECIPES / "factored.yaml")
    assert isinstance(recipe, FactoredRecipe)
    counterfactual = recipe.counterfactual.model_copy(
        update={"share": 1.0, "severities_jnd": (1.0, 8.0)}
    )
    return recipe.model_copy(update={"counterfactual": counterfactual})


def rows_of_fullest(
    recipe: FactoredRecipe, corpus_tables: dict[str, Table], demo_root: Path, split: str
) -> list[Row]:
    """Every row of the split's segment of most notes."""
    origin = CorpusOrigin(name="tiny", root=demo_root, licence="CC0-1.0")
    segments = read_table(corpus_tables["segments"]).to_table().to_pylist()
    segment = max(
        (segment for segment in segments if segment["split"] == split),
        key=lambda segment: (segment["note_count"], segment["segment_id"]),
    )
    music = load_performances(corpus_tables["performances"], segment["year"])
    cut = partial(clean_segment, segment, music)
    draws = draws_of(recipe, segment["segment_id"], split, cut)
    return [make_row(draw, segment, music, origin) for draw in draws]


@pytest.fixture(scope="module")
def rows(factored: FactoredRecipe, corpus_tables: dict[str, Table], demo_root: Path) -> list[Row]:
    """Every row of the fullest held-out segment and of the fullest one to train on."""
    return [
        row
        for split in ("test", "train")
        for row in rows_of_fullest(factored, corpus_tables, demo_root, split)
    ]


def test_scores_follow_from_severities(rows: list[Row], factored: FactoredRecipe) -> None:
    for row in rows:
        severity = [row[f"severity_{name}"] for name in DIMENSIONS]
        assert [row[name] for name in DIMENSIONS] == pytest.approx(
            factored.score_curve.score(severity)
        )
        assert row["tier"] == factored.score_curve.tier(severity[-1])


def test_families_stand_in_splits_of_their_own(rows: list[Row]) -> None:
    ordinary = [row for row in rows if row["varied"] is None]
    family = [row for row in rows if row["varied"] is not None]
    assert {row["split"] for row in ordinary} == {"train", "test"}
    assert {row["split"] for row in family} == {"test_counterfactual"}
    assert len(ordinary) == 8
    assert len(family) == 1 + 7 * 2 + 3
    assert len({row["family"] for row in family}) == 1
    assert all(row["family"] is row["varied_severity_jnd"] is None for row in ordinary)


def test_undamaged_rows_hold_the_clean_notes_and_damaged_ones_do_not(rows: list[Row]) -> None:
    for row in rows:
        damaged = any(row[f"severity_{name}"] for name in FACTORS)
        assert bool(row["edits"] or row["pedal_edits"]) == damaged
        assert (row["midi"]["bytes"] != row["clean_midi"]["bytes"]) == damaged


def test_a_familys_sound_differs_in_what_was_varied(rows: list[Row]) -> None:
    family = [row for row in rows if row["varied"] is not None]
    base = next(row for row in family if row["varied"] == NOTHING)
    for row in family:
        same = row["recording_quality"] == base["recording_quality"]
        assert same == (row["varied"] != NUISANCE)
        if row["varied"] == NUISANCE:
            assert row["midi"]["bytes"] == base["midi"]["bytes"]
            assert row["audio"]["bytes"] != base["audio"]["bytes"]
            assert [row[name] for name in DIMENSIONS] == [100.0] * 8


def test_strengths_name_damage_and_no_nuisance(rows: list[Row], factored: FactoredRecipe) -> None:
    for row in rows:
        done = {strength["operation"] for strength in row["strengths"]}
        expected = {
            one.at_one_jnd.operation
            for name in FACTORS
            if row[f"severity_{name}"]
            for one in factored.factors[name].operations
        }
        assert done == expected


@pytest.mark.slow
def test_another_process_makes_the_same_bytes_again_rooms_and_all(
    rows: list[Row], tmp_path: Path
) -> None:
    in_rooms = [row for row in rows if row["recording_quality"]["room"]]
    assert in_rooms
    (tmp_path / "rows").write_bytes(pickle.dumps(rows))
    made = subprocess.run(
        [sys.executable, "-c", AGAIN, str(tmp_path / "rows"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr  # write_replay compares every byte
    for number, row in enumerate(rows):
        assert (tmp_path / str(number) / "degraded.flac").read_bytes() == row["audio"]["bytes"]


def test_the_noise_that_a_row_states_is_in_its_audio(rows: list[Row]) -> None:
    noisy = [row for row in rows if row["recording_quality"]["snr_db"] is not None]
    assert noisy
    for row in noisy:
        asked_db = row["recording_quality"]["snr_db"]
        assert row["realised_snr_db"] == pytest.approx(asked_db, abs=0.01)
        assert measured_snr_db(row, None) == pytest.approx(asked_db, abs=0.1)
    quiet = next(row for row in rows if row["recording_quality"]["snr_db"] is None)
    assert replay_without_noise(quiet).samples.tolist() == replay(quiet).sound.samples.tolist()
    assert measured_snr_db(quiet, None) is None


def test_noise_is_measured_in_rows_that_were_turned_down_too(
    factored: FactoredRecipe, corpus_tables: dict[str, Table], demo_root: Path
) -> None:
    loud = factored.nuisance.model_copy(update={"gain_db": (20.0, 30.0)})
    recipe = factored.model_copy(update={"nuisance": loud})
    noisy = [
        row
        for row in rows_of_fullest(recipe, corpus_tables, demo_root, "train")
        if row["recording_quality"]["snr_db"] is not None
    ]
    assert min(row["gain_db"] for row in noisy) < -3
    for row in noisy:
        asked_db = row["recording_quality"]["snr_db"]
        assert measured_snr_db(row, None) == pytest.approx(asked_db, abs=0.1)


def test_noise_fainter_than_rounding_is_not_measured_again(
    factored: FactoredRecipe, corpus_tables: dict[str, Table], demo_root: Path
) -> None:
    faint = factored.nuisance.model_copy(update={"gain_db": (-40.0, -30.0)})
    recipe = factored.model_copy(update={"nuisance": faint})
    rows = rows_of_fullest(recipe, corpus_tables, demo_root, "train")
    noisy = [row for row in rows if row["realised_snr_db"] is not None]
    found = {row["realised_snr_db"]: measured_snr_db(row, None) for row in noisy}
    assert found[max(found)] is None
    for asked_db, measured_db in found.items():
        assert measured_db is None or measured_db == pytest.approx(asked_db, abs=0.1)


def test_what_a_row_says_of_its_recording_is_what_was_drawn(
    rows: list[Row], factored: FactoredRecipe
) -> None:
    said = rows[0]["recording_quality"]
    drawn = draws_of(
        factored,
        rows[0]["segment_id"],
        "test",
        lambda: read_midi(rows[0]["clean_midi"]["bytes"], "clean.mid"),
    )[0]
    assert isinstance(drawn, FactoredDraw)
    assert said == recording_quality(drawn.recording)
    assert said["instrument"].split()[0] in rows[0]["instrument"]


def test_rows_of_tiered_recipes_leave_these_columns_empty(shards: Table) -> None:
    columns = [
        *(f"severity_{name}" for name in DIMENSIONS),
        *("family", "varied", "varied_severity_jnd", "recording_quality"),
    ]
    assert set(columns) <= set(PAIRS.names)
    assert set(columns) <= set(SAMPLES.names)
    table = read_table(shards).to_table(columns=columns)
    assert [table[name].null_count for name in columns] == [len(table)] * len(columns)


def test_a_tiered_row_can_be_replayed_before_it_was_stored(make_task: Any) -> None:
    task = make_task("poor", 1)
    draw, segment = task.draws[0]
    row = make_row(draw, segment, task.performances, task.origin)
    assert set(PAIRS.names) <= set(row)
    assert row["varied"] is None
    assert encode_flac(replay(row).sound) == row["audio"]["bytes"]
