from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from degradation.notes import NOTE_DTYPE, NoteArray
from degradation.seeds import stream
from storage.corpus import read_index
from storage.midi import read_midi
from storage.performances import plan_performances, write_performances
from storage.schema import PERFORMANCES, QUARANTINE, TWINS
from storage.tables import DataFile, Table, read_data_file
from storage.twins import (
    Music,
    Pair,
    TwinFreeCorpus,
    compare,
    find_passages,
    keep_held_out,
    remove_twins,
)

Row = dict[str, str]
WriteRoot = Callable[..., Path]
Score = NDArray[np.float64]
"""Notes of a score: beat and pitch."""

CUTS = {
    "whole": lambda score: score,
    "first half": lambda score: score[: len(score) // 2],
    "one of three movements": lambda score: np.vstack([compose("x"), score, compose("y")]),
    "da capo": lambda score: np.vstack([score, score[: len(score) // 3]]),
    "a third, in another collection": lambda score: np.vstack(
        [compose("x"), score[: len(score) // 3], compose("y")]
    ),
}


def compose(*names: str, beats: int = 400) -> Score:
    """A melody that wanders in a scale, over chords of three notes."""
    draw = stream(0, "score", *names)
    scale = np.array([0, 2, 4, 5, 7, 9, 11]) + draw.integers(12)
    keys = np.add.outer(12 * np.arange(1, 9), scale).ravel()
    steps = np.clip(np.cumsum(draw.integers(-2, 3, beats)), -12, 12) + 31
    chords = [
        (beat, keys[root + third])
        for beat, root in zip(range(0, beats, 2), draw.integers(12, 22, beats), strict=False)
        for third in (0, 2, 4)
    ]
    return np.array(sorted([*enumerate(keys[steps].tolist()), *chords]), dtype=float)


def perform(score: Score, *names: str, wrong: float = 0.03) -> NoteArray:
    """Notes as a player strikes them: in a tempo, unevenly, with trills and wrong notes."""
    draw = stream(0, "player", *names)
    score = score[draw.random(len(score)) > wrong / 2]
    offbeat = draw.random(len(score)) < wrong
    pitch = score[:, 1] + np.where(offbeat, draw.integers(1, 3, len(score)), 0)
    bars = np.concatenate([[0], np.cumsum(score[:-1, 0] > score[1:, 0])]) * 10_000
    onset = (bars + score[:, 0]) * draw.uniform(0.2, 0.6) + draw.normal(0, 0.015, len(score))
    trilled = draw.random(len(score)) < wrong / 2
    onset = np.concatenate([onset, *(onset[trilled] + wait for wait in (0.03, 0.06))])
    pitch = np.concatenate([pitch, pitch[trilled] + 2, pitch[trilled]])
    return notes_of(onset, pitch)


def notes_of(onset_s: NDArray[np.float64], pitch: NDArray[np.integer]) -> NoteArray:
    notes = np.zeros(len(pitch), NOTE_DTYPE)
    notes["onset_s"], notes["pitch"] = onset_s, pitch
    return np.sort(notes, order=["onset_s", "pitch"])


def in_turn(*pitches: NDArray[np.integer]) -> NoteArray:
    """Notes one after another."""
    pitch = np.concatenate(pitches)
    return notes_of(np.arange(len(pitch)) * 0.1, pitch)


def music(notes: NoteArray, split: str = "train", name: str = "a") -> Music:
    return Music(
        performance_id=name,
        composer="Composer",
        title="Title",
        split=split,
        midi_filename=f"{name}.midi",
        passages=find_passages(notes["onset_s"], notes["pitch"]),
    )


def pair_of(notes: NoteArray, other: NoteArray) -> Pair:
    one, twin = music(notes), music(other, "test", "b")
    shared = len(np.intersect1d(one.passages, twin.passages))
    pair = Pair(music=one, twin=twin, shared=shared)
    told = compare([one, twin])
    assert told == [pair] if pair.same_music or pair.kinship >= 1 else told == []
    return pair


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("seed", range(6))
def test_another_performance_is_the_same_music(cut: str, seed: int) -> None:
    score = compose(str(seed))
    played = perform(score, "one", str(seed))
    assert pair_of(played, perform(CUTS[cut](score), "other", str(seed))).same_music


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("beats", [60, 400, 4000])
def test_other_music_and_transposed_music_are_not(seed: int, beats: int) -> None:
    score = compose(str(seed), beats=beats)
    played = perform(score, "one")
    other = perform(compose("other", str(seed), beats=beats), "one")
    higher = perform(score + np.array([0, 1 + seed]), "other")
    for notes in (other, higher):
        assert pair_of(played, notes).kinship < 1


def test_scales_in_both_pieces_do_not_make_them_the_same() -> None:
    runs = np.concatenate([np.arange(21, 109), np.arange(108, 20, -1)])
    pieces = [perform(compose(name, beats=3000), name)["pitch"] for name in "pq"]
    with_runs = [in_turn(piece[:900], runs, piece[900:], runs) for piece in pieces]
    assert pair_of(*with_runs).shared > 0
    assert not pair_of(*with_runs).same_music


def test_the_notes_of_a_chord_may_come_in_any_order() -> None:
    draw = stream(0, "chords")
    chords = np.sort(draw.integers(40, 80, (200, 5)), axis=1)
    onset_s = np.arange(200)[:, None] * 0.3 + draw.permuted(
        np.tile(np.arange(5) * 0.01, (2, 200, 1)), axis=2
    )
    one, other = (notes_of(order.ravel(), chords.ravel()) for order in onset_s)
    assert (one["pitch"] != other["pitch"]).any()
    pair = pair_of(one, other)
    assert pair.shared == pair.of_passages


@pytest.mark.parametrize("notes", [1, 5, 12, 13, 20])
def test_a_few_notes_are_the_same_music_only_when_all_are(notes: int) -> None:
    pitch = stream(0, "few", str(notes)).permutation(np.arange(40, 90))[:notes]
    assert pair_of(in_turn(pitch), in_turn(pitch)).same_music
    assert not pair_of(in_turn(pitch), in_turn(pitch + 1)).same_music


def test_the_most_held_out_stay_and_each_reason_names_a_twin_that_stays() -> None:
    both, first, last = compose("both"), compose("first"), compose("last")
    scores = {
        "train": np.vstack([both, first]),
        "validation": np.vstack([both, last]),
        "test": last,
        "train again": first,
        "test again": last,
        "train of its own": compose("own"),
    }
    played = [music(perform(score, name), name.split()[0], name) for name, score in scores.items()]
    left_out = keep_held_out(compare(played))
    assert list(left_out) == ["validation"]
    assert left_out["validation"].stage == "twins"
    assert left_out["validation"].item == "validation.midi"
    reason = left_out["validation"].reason
    assert reason.startswith("its music is also in test: left out of validation; see test")
    without_test = keep_held_out(compare([one for one in played if one.split != "test"]))
    assert list(without_test) == ["train"]
    assert "see validation.midi (validation)" in without_test["train"].reason


def test_a_near_miss_is_told_and_kept() -> None:
    quoted, quoting = (perform(compose(name, beats=4000), name)["pitch"] for name in "pq")
    for notes, told in ((40, False), (120, True)):
        pairs = compare(
            [music(in_turn(quoted)), music(in_turn(quoting, quoted[:notes]), "validation", "b")]
        )
        assert bool(pairs) == told
        assert keep_held_out(pairs) == {}


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_one_split_alone_has_no_twins(split: str) -> None:
    played = perform(compose("alone"), "one")
    assert compare([music(played, split, name) for name in "ab"]) == []
    assert compare([]) == []


@pytest.fixture
def set_apart(tmp_path: Path) -> Callable[[Path], tuple[TwinFreeCorpus, list[DataFile], Table]]:
    performances = Table(
        url=str(tmp_path / "performances"), schema=PERFORMANCES, partition_by=("year",)
    )
    quarantine = Table(url=str(tmp_path / "left-out"), schema=QUARANTINE, partition_by=("stage",))
    twins = Table(url=str(tmp_path / "twins"), schema=TWINS)

    def read(root: Path) -> tuple[TwinFreeCorpus, list[DataFile], Table]:
        tasks = plan_performances(performances, quarantine, root, read_index(root).entries, 10.0)
        parts = [write_performances(task)[0] for task in reversed(tasks)]
        return remove_twins(performances, parts, twins), parts, performances

    return read


def names_in(table: Table, parts: tuple[DataFile, ...] | list[DataFile]) -> set[str]:
    groups = [
        group for part in parts for group in read_data_file(table, part.path, ["midi_filename"])
    ]
    return {name for group in groups for name in group["midi_filename"].to_pylist()}


def test_the_demo_corpus_has_no_twins(demo_root: Path, set_apart: Callable[..., object]) -> None:
    apart, parts, _ = set_apart(demo_root)  # type: ignore[misc]
    assert apart.faults == ()
    assert apart.twins.rows == 0
    assert list(apart.performances) == parts


def test_a_twin_under_another_title_is_left_out_until_its_file_is_mended(
    write_root: WriteRoot, demo_rows: list[Row], set_apart: Callable[..., object]
) -> None:
    first, second = [row for row in demo_rows if row["split"] == "test"][:2]
    moved = first | {"split": "train", "canonical_title": "Untitled", "canonical_composer": "N. N."}
    others = [row for row in demo_rows if row["split"] != "test"]
    root = write_root([moved, second, *others])
    apart, parts, table = set_apart(root)  # type: ignore[misc]
    (fault,) = apart.faults
    assert fault.item == moved["midi_filename"]
    assert second["midi_filename"] in fault.reason
    assert names_in(table, apart.performances) == names_in(table, parts) - {fault.item}
    written = {path: path.stat().st_mtime_ns for path in root.parent.rglob("*.parquet")}
    again, parts_again, _ = set_apart(root)  # type: ignore[misc]
    assert (again, parts_again) == (apart, parts)
    assert {path: path.stat().st_mtime_ns for path in root.parent.rglob("*.parquet")} == written
    (root / second["midi_filename"]).write_bytes(b"not music")
    mended, parts, _ = set_apart(root)  # type: ignore[misc]
    assert mended.faults == ()
    assert moved["midi_filename"] in names_in(table, mended.performances)


@pytest.mark.real_data
def test_scarlatti_k_466_is_known_by_its_notes_and_not_by_its_titles(real_data: Path) -> None:
    """MAESTRO has two titles of one recital changed about: the one of K. 54 is K. 466."""
    root, recital = real_data / "maestro-v3.0.0", "2008/MIDI-Unprocessed_09_R3_2008_01-07_ORIG_MID"
    files = {
        "K. 466": "2017/MIDI-Unprocessed_083_PIANO083_MID--AUDIO-split_07-09-17_Piano-e_2_-06_wav"
        "--1.midi",
        "called K. 54": f"{recital}--AUDIO_09_R3_2008_wav--1.midi",
        "called K. 466": f"{recital}--AUDIO_09_R3_2008_wav--3.midi",
    }
    played = {
        name: read_midi((root / file).read_bytes(), name).notes for name, file in files.items()
    }
    assert pair_of(played["K. 466"], played["called K. 54"]).kinship > 10
    assert pair_of(played["K. 466"], played["called K. 466"]).kinship < 0.5
