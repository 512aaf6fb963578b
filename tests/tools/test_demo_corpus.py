import csv
import itertools
import pathlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from degradation.notes import SUSTAIN, Performance, find_faults
from storage.corpus import COLUMNS
from storage.demo_corpus import CSV_NAME, YEARS, write_demo_corpus
from storage.midi import read_midi
from tools.demo_corpus.notation import parse_piece
from tools.demo_corpus.pianist import draw_pianists
from tools.demo_corpus.pieces import PIECES
from tools.demo_corpus.play import play
from tools.demo_corpus.score import Piece, Voice
from tools.demo_corpus.write import corpus_files

MAESTRO_HEADER = (
    "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("demo")
    write_demo_corpus(folder)
    return folder


@pytest.fixture(scope="module")
def rows(root: pathlib.Path) -> list[dict[str, str]]:
    with (root / CSV_NAME).open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


@pytest.fixture(scope="module")
def performances(root: pathlib.Path, rows: list[dict[str, str]]) -> dict[str, Performance]:
    return {
        row["midi_filename"]: read_midi((root / row["midi_filename"]).read_bytes(), "demo")
        for row in rows
    }


def tiny(bars: str, anacrusis: str = "0") -> Piece:
    return Piece(
        composer="Nobody",
        title="Tiny",
        split="train",
        metre="3/4",
        quarter_bpm=60,
        voices=(Voice(role="melody", bars=bars),),
        phrases="1",
        dynamics="1:mf",
        anacrusis=anacrusis,
    )


# The notation


def test_tokens_become_notes_with_pitch_length_ties_and_marks() -> None:
    notes = parse_piece(tiny("c4:4>' /b4 f#4+a4:2~ | f#4+a4:2 bb3:8t d##4 r | R"))
    assert [(n.onset_q, n.pitch) for n in notes if not n.grace] == [
        (0, 60), (1, 66), (1, 69), (5, 58), (pytest.approx(5 + 1 / 3), 64)
    ]  # fmt: skip
    assert notes[0].staccato
    assert notes[0].accent
    assert [n.length_q for n in notes if n.pitch in (66, 69)] == [4, 4]
    assert [(n.onset_q, n.pitch) for n in notes if n.grace] == [(1, 71)]


@pytest.mark.parametrize(
    ("bars", "complaint"),
    [
        ("c4:4 d4", "bar 1 lasts 2 quarter notes, expected 3"),
        ("R | c4:2 d4:2", "bar 2 lasts 4 quarter notes, expected 3"),
        ("c4:4 h4 d4", "'h4' is not a note"),
        ("c4:4~ d4 e4", "pitch 60 is tied to nothing"),
        ("c4:2.~", "leads nowhere"),
    ],
)
def test_a_slip_of_the_pen_is_refused(bars: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_piece(tiny(bars))


def test_the_anacrusis_is_bar_0_and_has_its_own_length() -> None:
    pickup = tiny("c4:4 | c4:2.", anacrusis="1/4")
    assert pickup.place_q("0") == 0
    assert pickup.place_q("1.2") == 2
    with pytest.raises(ValueError, match="bar 0 lasts 2 quarter notes, expected 1"):
        parse_piece(replace(pickup, voices=(Voice(role="melody", bars="c4:2 | c4:2."),)))


# The pieces


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.title)
def test_every_bar_fills_its_metre_and_marks_lie_in_the_piece(piece: Piece) -> None:
    notes = parse_piece(piece)
    end_q = max(note.end_q for note in notes)
    for places in (piece.phrases.split(), [mark.split(":")[0] for mark in piece.dynamics.split()]):
        marked_q = [piece.place_q(place) for place in places]
        assert marked_q[0] == 0
        assert marked_q == sorted(set(marked_q))
        assert marked_q[-1] < end_q
    for bars in [*(entry.split("/")[0] for entry in piece.pedal.split()), *piece.soft.split()]:
        start_q, stop_q = piece.bars_q(bars)
        assert 0 <= start_q < stop_q <= end_q + 1e-9
    voices = {note.voice for note in notes}
    assert voices == set(range(len(piece.voices)))


# The root


def test_the_shipped_files_are_what_this_program_makes(root: pathlib.Path) -> None:
    shipped = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }
    assert corpus_files() == shipped


def test_the_table_is_maestros_and_splits_go_by_piece(rows: list[dict[str, str]]) -> None:
    assert ",".join(COLUMNS) == MAESTRO_HEADER == ",".join(rows[0])
    splits: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        piece = row["canonical_composer"], row["canonical_title"]
        splits.setdefault(piece, set()).add(row["split"])
        assert row["midi_filename"].startswith(f"{row['year']}/")
        assert row["audio_filename"] == ""
    assert all(len(found) == 1 for found in splits.values()), "a piece lies in two splits"
    for year in YEARS:
        assert {row["split"] for row in rows if row["year"] == str(year)} == {
            "train",
            "validation",
            "test",
        }


def test_the_corpus_is_as_large_as_promised(rows: list[dict[str, str]]) -> None:
    renditions = Counter(row["canonical_title"] for row in rows)
    assert len(renditions) >= 9
    assert min(renditions.values()) >= 3
    durations_s = [float(row["duration"]) for row in rows]
    assert 20 * 60 <= sum(durations_s) <= 25 * 60
    assert min(durations_s) >= 30
    assert max(durations_s) <= 65


def test_every_file_reads_back_sound_and_lasts_as_the_table_says(
    rows: list[dict[str, str]], performances: dict[str, Performance]
) -> None:
    for row in rows:
        performance = performances[row["midi_filename"]]
        assert find_faults(performance.notes, performance.pedal, performance.duration_s) == []
        assert performance.duration_s == pytest.approx(float(row["duration"]), abs=0.01)


# The playing


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.title)
def test_renditions_share_the_notes_and_nothing_else(
    piece: Piece, rows: list[dict[str, str]], performances: dict[str, Performance]
) -> None:
    played = [
        performances[row["midi_filename"]] for row in rows if row["canonical_title"] == piece.title
    ]
    written = Counter(note.pitch for note in parse_piece(piece))
    for performance in played:
        assert Counter(performance.notes["pitch"].tolist()) == written
    for one, other in itertools.combinations(played, 2):
        assert abs(one.duration_s / other.duration_s - 1) > 0.01
        assert np.abs(np.sort(one.notes["velocity"]) - np.sort(other.notes["velocity"])).sum() > 0


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.title)
def test_the_melody_keeps_its_order_and_stands_out(piece: Piece) -> None:
    notes = parse_piece(piece)
    pianists = draw_pianists(0, piece.title, len(YEARS))
    for rendition, pianist in enumerate(pianists, start=1):
        performance = play(piece, pianist, seed=0, rendition=rendition)
        by_id = performance.notes[np.argsort(performance.notes["note_id"])]
        melody = np.array([piece.voices[note.voice].role == "melody" for note in notes])
        velocity = by_id["velocity"].astype(float)
        assert velocity[melody].mean() > velocity[~melody].mean() + 5
        written_q = np.array([note.onset_q - 0.01 * note.grace for note in notes])
        line = np.flatnonzero(melody)
        line = line[np.argsort(written_q[line], kind="stable")]
        later = np.diff(written_q[line]) > 0
        assert (np.diff(by_id["onset_s"][line])[later] > 0).all()


def test_the_melody_sounds_a_little_before_the_notes_under_it() -> None:
    leads_s = []
    for piece in PIECES:
        notes = parse_piece(piece)
        pianist = draw_pianists(0, piece.title, len(YEARS))[0]
        played = play(piece, pianist, seed=0, rendition=1).notes
        onset_s = played["onset_s"][np.argsort(played["note_id"])]
        for chord_q in {note.onset_q for note in notes}:
            parts: dict[bool, list[float]] = {True: [], False: []}
            for number, note in enumerate(notes):
                if note.onset_q == chord_q and not note.grace:
                    is_melody = piece.voices[note.voice].role == "melody"
                    parts[is_melody].append(float(onset_s[number]))
            if parts[True] and parts[False]:
                leads_s.append(np.mean(parts[False]) - np.mean(parts[True]))
    assert 0.010 < np.mean(leads_s) < 0.060  # about 30 ms (Goebl 2001)


def test_the_pedal_moves_continuously(performances: dict[str, Performance]) -> None:
    distinct = []
    for performance in performances.values():
        sustain = performance.pedal[performance.pedal["controller"] == SUSTAIN]
        distinct.append(len(np.unique(sustain["value"])))
        assert sustain["value"][-1] == 0
        assert (np.diff(sustain["time_s"]) > 0).all()
    assert min(distinct) > 40
    assert 85 < np.median(distinct) <= 128  # MAESTRO's median is 111


def test_velocities_are_as_wide_as_recorded_ones(performances: dict[str, Performance]) -> None:
    every = np.concatenate([performance.notes["velocity"] for performance in performances.values()])
    assert 56 < every.mean() < 72
    assert 14 < every.std() < 24
