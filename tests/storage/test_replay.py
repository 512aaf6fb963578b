import json
from pathlib import Path
from typing import Any

import pretty_midi
import pytest
import soundfile

from degradation.errors import UserError
from degradation.recipe import TIERS
from storage.replay import find_row, write_replay
from storage.tables import Table, read_table


@pytest.fixture
def row(shards: Table) -> dict[str, Any]:
    found: dict[str, Any] = read_table(shards, tier="poor").to_table().slice(35, 1).to_pylist()[0]
    return found


@pytest.mark.parametrize("tier", TIERS)
def test_the_files_are_the_rows_own_bytes(shards: Table, tier: str, tmp_path: Path) -> None:
    row = read_table(shards, tier=tier).to_table().slice(3, 1).to_pylist()[0]
    paths = write_replay(row, tmp_path / "no-root", tmp_path / "out")
    assert sorted(paths) == sorted((tmp_path / "out").iterdir())
    written = {path.name: path.read_bytes() for path in paths}
    assert written["degraded.mid"] == row["midi"]["bytes"]
    assert written["degraded.flac"] == row["audio"]["bytes"]
    assert written["clean.mid"] == row["clean_midi"]["bytes"]
    assert (written["clean.flac"] == written["degraded.flac"]) == (tier == "pristine")
    assert soundfile.info(tmp_path / "out" / "clean.flac").duration == row["duration_s"]


def test_mistakes_are_three_midi_files_that_other_libraries_read(
    row: dict[str, Any], tmp_path: Path
) -> None:
    write_replay(row, tmp_path, tmp_path)
    extra, missed, correct, clean, degraded = (
        pretty_midi.PrettyMIDI(str(tmp_path / f"{name}.mid")).instruments[0].notes
        for name in ("extra", "missed", "correct", "clean", "degraded")
    )
    shares = [row["wrong_note_share"], row["extra_note_share"], row["missed_note_share"]]
    wrong, added, left_out = (round(share * len(clean)) for share in shares)
    assert wrong > 0
    assert (len(extra), len(missed)) == (wrong + added, wrong + left_out)
    assert len(correct) == len(clean) - len(missed)
    together = sorted([*extra, *correct], key=lambda note: (note.start, note.pitch))
    assert [(n.start, n.pitch) for n in together] == sorted((n.start, n.pitch) for n in degraded)


def test_the_provenance_is_json_without_binaries(row: dict[str, Any], tmp_path: Path) -> None:
    write_replay(row, tmp_path, tmp_path)
    about = json.loads((tmp_path / "provenance.json").read_text(), parse_constant=pytest.fail)
    assert about == {
        name: value for name, value in row.items() if name not in ("audio", "midi", "clean_midi")
    }


@pytest.mark.parametrize("medium", ["midi", "audio"])
def test_other_bytes_than_the_rows_are_told_and_not_written(
    row: dict[str, Any], tmp_path: Path, medium: str
) -> None:
    other = row | {medium: row[medium] | {"bytes": row[medium]["bytes"][:-1] + b"?"}}
    with pytest.raises(UserError, match=r"was not made again byte for byte"):
        write_replay(other, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_told(row: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match=r"could not write .*out/"):
        write_replay(row, tmp_path, tmp_path / "out")


def test_a_row_is_found_in_whichever_table_has_it(
    shards: Table, row: dict[str, Any], tmp_path: Path
) -> None:
    absent = Table(url=str(tmp_path / "absent"), schema=shards.schema)
    assert find_row([absent, shards], row["sample_id"]) == row
    with pytest.raises(UserError, match=r"no sample is called 'nope' in 1 table of pairs; find"):
        find_row([absent, shards], "nope")
