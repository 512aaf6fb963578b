"""The easy corpus: accompaniments that fit, playing that is regular, a root like any other."""

from pathlib import Path

import numpy as np
import pytest

from degradation.melody_bass import chord_onsets
from labeling.functions.timing import tempo_instability
from labeling.regularity import median_interval
from storage.corpus import read_index
from storage.licence import find_licence
from storage.midi import read_midi
from tools.demo_corpus.play import play_notes
from tools.easy_corpus.accompany import STYLES, accompany, harmonise
from tools.easy_corpus.scores import SOURCES, Score, WrittenNote
from tools.easy_corpus.write import (
    HELD_BACK,
    arrange,
    draw_player,
    without_unisons,
    write_corpus,
)

SCALE = (60, 64, 67, 72, 65, 69, 72, 69, 67, 71, 74, 71, 72, 67, 64, 60)
"""Four bars of quarter notes: C, F, G and C, each spelt out."""


def tune(title: str = "Scale", chords: tuple[tuple[float, tuple[int, ...]], ...] = ()) -> Score:
    return Score(
        title=title,
        source=SOURCES[-1],
        parts=(tuple(WrittenNote(float(at), 1.0, pitch) for at, pitch in enumerate(SCALE)),),
        chords=chords,
        metre="4/4",
        sharps=0,
        anacrusis_q=0.0,
    )


def test_a_tune_is_given_the_chords_that_it_spells() -> None:
    assert [classes[0] for _, classes in harmonise(tune())] == [0, 5, 7, 0]
    assert [at_q for at_q, _ in harmonise(tune())] == [0, 4, 8, 12]


def test_chord_symbols_of_the_score_come_first() -> None:
    symbols = ((0.0, (9, 0, 4)), (8.0, (4, 7, 11)))
    assert harmonise(tune(chords=symbols)) == list(symbols)


def test_an_accompaniment_lies_below_and_ends_with_the_tune() -> None:
    styles = set()
    for number in range(60):
        left = accompany(tune(), np.random.default_rng(number))
        notes = [note for part in left.values() for note in part]
        assert max(note.end_q for note in notes) <= 16
        assert max(note.pitch for note in notes) < 60
        assert {note.pitch % 12 for note in notes if note.onset_q < 4} <= {0, 4, 7}
        styles.add(tuple(sorted((role, len(part)) for role, part in left.items())))
    assert len(styles) == len(STYLES)


def test_a_key_is_struck_once_and_a_part_without_notes_is_none() -> None:
    one, other = WrittenNote(0, 1, 60), WrittenNote(0, 2, 64)
    assert without_unisons([("melody", [one]), ("inner", [one]), ("bass", [other, one])]) == [
        ("melody", [one]),
        ("bass", [other]),
    ]


def test_playing_is_as_regular_as_the_score() -> None:
    """Thinned virtuoso music is not, and teaches models that halting is fine."""
    for number in range(5):
        piece, notes = arrange(tune(f"Scale {number}"))
        played = play_notes(piece, notes, draw_player(piece), seed=0, rendition=1)
        interval_s = np.diff(chord_onsets(played.notes["onset_s"], 0.05))
        assert len(played.notes) == len(notes)
        assert np.log2(interval_s[:-3]).std() < 0.5, "eighths, quarters, and no stop"
        unsteady = tempo_instability(played, None)
        assert not isinstance(unsteady, float) or unsteady < 0.25


def test_dense_music_is_held_back_and_sparse_music_presses_on() -> None:
    """So that a slow pace tells of the player, and less of the music."""
    spread = []
    for held_back in (0.0, HELD_BACK):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tools.easy_corpus.write.HELD_BACK", held_back)
            medians = []
            for number in range(12):
                piece, notes = arrange(tune(f"Scale {number}"))
                played = play_notes(piece, notes, draw_player(piece), seed=0, rendition=1)
                medians.append(median_interval(played))
        spread.append(np.std(medians))
    assert spread[1] < 0.6 * spread[0]


@pytest.mark.slow
def test_the_root_is_read_like_any_other_and_is_always_the_same(tmp_path: Path) -> None:
    pytest.importorskip("music21")
    for name in ("one", "other"):
        assert write_corpus(tmp_path / name, limit=2, log=lambda line: None) == 6
    files = [path for path in sorted((tmp_path / "one").rglob("*")) if path.is_file()]
    for path in files:
        other = tmp_path / "other" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes()
    index = read_index(tmp_path / "one")
    assert len(index.entries) == 6
    assert not index.faults
    for path in files:
        if path.suffix == ".midi":
            assert len(read_midi(path.read_bytes(), path.name).notes) >= 24
    assert find_licence(tmp_path / "one") == "CC-BY-NC-SA-4.0"
    terms = (tmp_path / "one" / "LICENSE").read_text()
    assert all(source.terms.split(",")[0] in terms for source in SOURCES)
