from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from degradation.errors import UserError
from storage.corpus import (
    COLUMNS,
    SPLITS,
    Entry,
    choose,
    keep_apart,
    load_corpus_config,
    read_index,
)

Row = dict[str, str]
WriteRoot = Callable[..., Path]


def entry(number: int, split: str, year: int = 2004, composition: str | None = None) -> Entry:
    return Entry(
        performance_id=f"p{number}",
        composer="Composer",
        title="Title",
        composition=composition or f"composition {number}",
        split=split,
        year=year,
        midi_filename=f"{year}/{number}.midi",
        audio_filename="",
        duration_s=60.0,
    )


def test_the_demo_corpus_is_usable_whole(demo_root: Path) -> None:
    index = read_index(demo_root)
    assert index.faults == ()
    assert len(index.entries) == len(list(demo_root.glob("*/*.midi")))
    assert len({e.performance_id for e in index.entries}) == len(index.entries)


def test_no_row_is_dropped_silently(
    write_root: WriteRoot, demo_rows: list[Row], tmp_path: Path
) -> None:
    (tmp_path / "outside.midi").write_bytes(b"MThd")
    first, other = demo_rows[0] | {"duration": "60"}, demo_rows[1]["midi_filename"]
    twice = f"./{other}"
    bad = [
        ("split is 'dev'; expected train, validation, test", {"split": "dev"}),
        ("year is '04'; expected four digits", {"year": "04"}),
        ("year is 'MMIV'", {"year": "MMIV"}),
        ("duration is '-3'; expected seconds", {"duration": "-3"}),
        ("duration is 'nan'", {"duration": "nan"}),
        ("duration is 'inf'", {"duration": "inf"}),
        ("duration is ''", {"duration": ""}),
        ("MIDI file is that of an earlier row", {"midi_filename": other}),
        ("MIDI file is that of an earlier row", {"midi_filename": twice}),
        ("midi_filename '../outside.midi' leaves", {"midi_filename": "../outside.midi"}),
        ("leaves the corpus root", {"midi_filename": str(tmp_path / "outside.midi")}),
        ("leaves the corpus root", {"midi_filename": "linked.midi"}),
        ("audio_filename '../a.wav' leaves", {"audio_filename": "../a.wav"}),
        ("the MIDI file is missing", {"midi_filename": "2021/gone.midi"}),
        ("the MIDI file is missing", {"midi_filename": ""}),
        ("midi_filename is no file's name", {"midi_filename": "x" * 5000}),
        ("midi_filename is no file's name", {"midi_filename": "a\0b.midi"}),
        ("midi_filename is no file's name", {"midi_filename": "round.midi"}),
        ("audio_filename is no file's name", {"audio_filename": "a\0b.wav"}),
    ]
    broken = [first | change for _, change in bad]
    root = write_root([*demo_rows, *broken])
    (root / "linked.midi").symlink_to(tmp_path / "outside.midi")
    (root / "round.midi").symlink_to(root / "round.midi")
    index = read_index(root)
    assert [e.midi_filename for e in index.entries] == [r["midi_filename"] for r in demo_rows]
    assert len(index.faults) == len(bad)
    for fault, (reason, _) in zip(index.faults, bad, strict=True):
        assert reason in fault.reason
        assert "\n" not in fault.reason
        assert fault.item


def test_a_root_that_has_none_of_its_recordings_is_midi_alone(
    write_root: WriteRoot, demo_rows: list[Row]
) -> None:
    named = [row | {"audio_filename": f"{n}.wav"} for n, row in enumerate(demo_rows)]
    root = write_root([*named[:-1], demo_rows[-1]])
    index = read_index(root)
    assert index.faults == ()
    assert {e.audio_filename for e in index.entries} == {""}
    (root / "2.wav").write_bytes(b"")
    names = [e.audio_filename for e in read_index(root).entries]
    assert names == [*(row["audio_filename"] for row in named[:-1]), ""]


def test_a_row_of_too_few_or_too_many_fields_is_left_out_alone(
    write_root: WriteRoot, demo_rows: list[Row]
) -> None:
    root = write_root(demo_rows)
    table = root / "maestro.csv"
    lines = table.read_text().splitlines()
    unquoted = f"{lines[1]},more"
    table.write_text("\n".join([lines[0], unquoted, *lines[1:], "Bach,Prelude,train"]))
    index = read_index(root)
    assert len(index.entries) == len(demo_rows)
    assert ["more fields than" in f.reason for f in index.faults] == [True, False]
    assert index.faults[1].reason == "it ends before its year"
    assert index.faults[1].item == f"maestro.csv, line {len(demo_rows) + 3}"


def test_a_byte_order_mark_and_other_columns_do_no_harm(
    write_root: WriteRoot, demo_rows: list[Row]
) -> None:
    with_more = [row | {"note": "mine"} for row in demo_rows]
    root = write_root(with_more, ("note", *reversed(COLUMNS)))
    table = root / "maestro.csv"
    table.write_text(table.read_text(), encoding="utf-8-sig")
    assert len(read_index(root).entries) == len(demo_rows)


def test_a_root_that_cannot_be_used_is_told_in_one_line(
    write_root: WriteRoot, demo_rows: list[Row], tmp_path: Path
) -> None:
    short = tuple(column for column in COLUMNS if column not in ("split", "duration"))
    told = {
        "is no folder": tmp_path / "nowhere",
        "has 0 CSV files": tmp_path / "empty",
        "lacks the columns split, duration; expected MAESTRO's": write_root(
            demo_rows, short, name="short"
        ),
        "no usable row of 0; the first reason: it is empty": write_root([], name="no-rows"),
        "no usable row of 1; the first reason: split is 'x'": write_root(
            [demo_rows[0] | {"split": "x"}], name="bad-rows"
        ),
        "has 2 CSV files": write_root(demo_rows, name="two"),
        "cannot be read as CSV": write_root(demo_rows, name="binary"),
        "lacks the columns canonical_composer": write_root(demo_rows, name="no-bytes"),
    }
    (tmp_path / "empty").mkdir()
    (tmp_path / "two" / "another.csv").write_text("a,b\n")
    (tmp_path / "binary" / "maestro.csv").write_bytes(bytes(range(256)))
    (tmp_path / "no-bytes" / "maestro.csv").write_bytes(b"")
    for reason, root in told.items():
        with pytest.raises(UserError, match=reason) as error:
            read_index(root)
        assert "\n" not in str(error.value)


def test_a_composition_stays_in_its_most_held_out_split() -> None:
    everywhere = [entry(n, split, composition="fugue") for n, split in enumerate(SPLITS)]
    in_two = [entry(n, split, composition="waltz") for n, split in enumerate(SPLITS[:2], 10)]
    alone = [entry(20, "train"), entry(21, "train", composition="own")]
    kept, faults = keep_apart([*everywhere, *in_two, *alone])
    assert [(e.composition, e.split) for e in kept] == [
        ("fugue", "test"), ("waltz", "validation"), ("composition 20", "train"), ("own", "train"),
    ]  # fmt: skip
    assert [f.reason for f in faults] == [
        "its composition is also in test: left out of train; see 2004/2.midi",
        "its composition is also in test: left out of validation; see 2004/2.midi",
        "its composition is also in validation: left out of train; see 2004/11.midi",
    ]


def test_case_and_punctuation_make_no_other_composition(
    write_root: WriteRoot, demo_rows: list[Row]
) -> None:
    title = {"canonical_title": "Sonata, Op. 1: I"}, {"canonical_title": "sonata op 1 -  I."}
    same = [
        demo_rows[0] | title[0] | {"split": "train"},
        demo_rows[1] | title[1] | {"split": "test"},
    ]
    same[1]["canonical_composer"] = same[0]["canonical_composer"].upper()
    index = read_index(write_root(same))
    assert [e.split for e in index.entries] == ["test"]
    assert len(index.faults) == 1


@pytest.mark.parametrize(
    ("train", "test", "same"),
    [
        ("Sonata K. 466", "Sonata in F Minor, K. 466", True),
        ("Sonata, Kk.466", "Sonata in F Minor, K466", True),
        ("Sonata in B-flat, Hob.XVI:41", "Sonata No. 55, Hob. XVI/41", True),
        ("Fugue BWV 847", "Prelude and Fugue in C Minor, WTC I, BWV 847", True),
        ("Pre\u0301lude, Op. 28", "Pr\u00e9lude, Op. 28", True),
        ("Sonata K. 466", "Sonata K. 467", False),
        ("Sonatas K. 27 and K. 141", "Sonata K. 27", False),
        ("Prelude, Op. 28 No. 4", "Prelude, Op. 28 No. 15", False),
        ("Impromptu No. 1, D. 935", "Impromptu No. 2, D. 935", False),
    ],
)
def test_a_work_is_known_by_its_catalogue_number_and_in_any_unicode_form(
    write_root: WriteRoot, demo_rows: list[Row], train: str, test: str, same: bool
) -> None:
    spelt = (("train", train), ("test", test))
    rows = [
        row | {"canonical_composer": "A", "canonical_title": title, "split": split}
        for row, (split, title) in zip(demo_rows[:2], spelt, strict=True)
    ]
    index = read_index(write_root(rows))
    assert [entry.split for entry in index.entries] == (["test"] if same else ["train", "test"])
    assert [rows[1]["midi_filename"] in fault.reason for fault in index.faults] == [True] * same


def test_files_are_found_however_they_are_spelt_and_keep_their_ids(
    write_root: WriteRoot, demo_rows: list[Row]
) -> None:
    names = ["2021/Étude.midi", "2021/b.midi", "2021/c.midi", "2021/d.wav.midi"]
    rows = [
        row | {"midi_filename": name, "duration": row["duration"].replace(".", ",")}
        for row, name in zip(demo_rows, names, strict=False)
    ]
    ids, spelt = [], []
    for number, on_disk in enumerate(
        (names, ["2021/E\u0301tude.MID", "2021/b.mid", "2021/c.Midi", "2021/d.wav.MIDI"])
    ):
        in_table = [n.replace("/", "\\") if number else n for n in names]
        table = [r | {"midi_filename": n} for r, n in zip(rows, in_table, strict=True)]
        root = write_root(table, name=f"root-{number}")
        (root / "2021").mkdir(exist_ok=True)
        for name in on_disk:
            (root / name).write_bytes(b"MThd")
        index = read_index(root)
        assert index.faults == ()
        spelt.append([entry.midi_filename for entry in index.entries])
        ids.append([entry.performance_id for entry in index.entries])
        assert spelt[-1] == on_disk
        assert index.entries[0].duration_s == float(demo_rows[0]["duration"])
    assert ids[0] == ids[1]


def test_backslashes_do_not_lead_out_of_the_root_nor_are_hidden_files_music(
    write_root: WriteRoot, demo_rows: list[Row], tmp_path: Path
) -> None:
    (tmp_path / "outside.midi").write_bytes(b"MThd")
    bad = {
        "..\\outside.midi": "leaves the corpus root",
        "2021\\..\\..\\gone.midi": "leaves the corpus root",
        "C:\\music\\a.midi": "leaves the corpus root",
        "\\\\server\\share\\a.midi": "leaves the corpus root",
        "2021/._hidden.midi": "is hidden",
    }
    root = write_root([*demo_rows, *(demo_rows[0] | {"midi_filename": name} for name in bad)])
    (root / "2021" / "._hidden.midi").write_bytes(b"")
    index = read_index(root)
    assert len(index.entries) == len(demo_rows)
    for fault, reason in zip(index.faults, bad.values(), strict=True):
        assert reason in fault.reason


MANY = [
    entry(number, split, year)
    for number, (split, year) in enumerate(
        (split, year)
        for split, members in (("train", 20), ("validation", 5), ("test", 5))
        for year in (2004, 2006, 2008, 2009)
        for _ in range(members)
    )
]


SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


@pytest.mark.parametrize("limit", [3, 7, 20, 60, 119])
def test_a_choice_is_spread_over_splits_and_years(limit: int) -> None:
    chosen = choose(MANY, limit, SHARES)
    assert len({e.performance_id for e in chosen}) == limit
    splits = Counter(e.split for e in chosen)
    assert set(splits) == set(SPLITS)
    if limit == 20:
        assert splits == {"train": 12, "validation": 4, "test": 4}
    for split in SPLITS:
        years = Counter(dict.fromkeys((2004, 2006, 2008, 2009), 0))
        years.update(e.year for e in chosen if e.split == split)
        assert max(years.values()) - min(years.values()) <= 1


def test_a_choice_follows_the_shares_it_is_given() -> None:
    shares = {"train": 0.2, "validation": 0.3, "test": 0.5}
    splits = Counter(e.split for e in choose(MANY, 20, shares))
    assert splits == {"train": 4, "validation": 6, "test": 10}


def test_a_choice_follows_from_the_names_alone_and_grows() -> None:
    assert choose(MANY, 20, SHARES) == choose(list(reversed(MANY)), 20, SHARES)
    for smaller, larger in ((3, 4), (20, 21), (20, 100)):
        assert set(choose(MANY, smaller, SHARES)) < set(choose(MANY, larger, SHARES))


def test_a_limit_above_the_corpus_is_all_of_it() -> None:
    assert (
        choose(MANY, None, SHARES)
        == choose(MANY, len(MANY), SHARES)
        == choose(MANY, 10_000, SHARES)
        == MANY
    )


def test_a_split_that_is_short_leaves_its_places_to_the_others() -> None:
    few_train = [entry(1, "train"), *(entry(n, "test") for n in range(2, 30))]
    assert Counter(e.split for e in choose(few_train, 20, SHARES)) == {"train": 1, "test": 19}


def test_the_configuration_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "corpus.yaml"
    sound = (
        "window_s: 10\nhop_s: 5\nduration_tolerance_s: 10\n"
        "split_shares: {train: 0.7, validation: 0.2, test: 0.1}\n"
    )
    path.write_text(sound)
    assert load_corpus_config(path).hop_s == 5
    for wrong in (
        sound + "overlap: 2\n",
        sound.replace("0.7", "0.8"),
        sound.replace("train: 0.7, validation: 0.2", "train: 0.9"),
        sound.replace("train: 0.7, validation: 0.2", "train: 0.9, validation: 0"),
        sound.replace("train", "dev"),
        sound.replace("5", "-5"),
        sound.replace("5", "0.25"),
        sound.replace("10", "nan", 1),
        "window_s: 10\n",
        "- 10\n",
        "window_s: [\n",
    ):
        path.write_text(wrong)
        with pytest.raises(UserError, match=r"corpus.yaml") as told:
            load_corpus_config(path)
        assert "\n" not in str(told.value)


@pytest.mark.real_data
def test_maestro_is_read_whole_but_for_its_six_titles_in_two_splits(real_data: Path) -> None:
    index = read_index(real_data / "maestro-v3.0.0")
    assert len(index.entries) + len(index.faults) == 1276
    assert all("its composition is also in" in fault.reason for fault in index.faults)
    splits: dict[str, set[str]] = {}
    for kept in index.entries:
        splits.setdefault(kept.composition, set()).add(kept.split)
    assert all(len(of_one) == 1 for of_one in splits.values())
    assert len({e.performance_id for e in index.entries}) == len(index.entries)
    left_out = {fault.item for fault in index.faults}
    titles = maestro_titles(real_data / "maestro-v3.0.0", left_out)
    assert len(titles) == 6
    assert ("Domenico Scarlatti", "Sonata K. 466") in titles


def maestro_titles(root: Path, midi_filenames: set[str]) -> set[tuple[str, str]]:
    import csv

    with (root / "maestro-v3.0.0.csv").open(newline="", encoding="utf-8") as file:
        return {
            (row["canonical_composer"], row["canonical_title"])
            for row in csv.DictReader(file)
            if row["midi_filename"] in midi_filenames
        }


@pytest.mark.real_data
def test_a_few_of_maestro_are_of_all_splits_and_most_years(real_data: Path) -> None:
    chosen = choose(read_index(real_data / "maestro-v3.0.0").entries, 20, SHARES)
    assert Counter(e.split for e in chosen) == {"train": 12, "validation": 4, "test": 4}
    assert len({e.year for e in chosen}) == 10
