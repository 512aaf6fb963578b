import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from degradation.errors import UserError
from degradation.recipe import TIERS
from degradation.tiered import TieredRecipe
from labeling.scores import DIMENSIONS
from storage.audio import decode_audio, encode_flac, read_audio_window
from storage.midi import read_midi, write_midi
from storage.pairs import (
    PairsTask,
    find_pairs,
    make_row,
    quarantine_pairs,
    split_into_tasks,
    write_pairs,
)
from storage.replay import replay, replay_without_noise
from storage.schema import PAIRS
from storage.tables import Table, data_file_rows, read_data_file, read_table

MakeTask = Callable[..., PairsTask]

ROW_BYTES = """
import hashlib, sys
from pathlib import Path
from storage.replay import replay, replay_without_noise
from storage.midi import write_midi
from storage.audio import encode_flac
import pyarrow.parquet as pq
for row in reversed(pq.read_table(sys.argv[1], partitioning=None).to_pylist()):
    made = replay(row)
    print(row["sample_id"], write_midi(made.degraded) == row["midi"]["bytes"],
          encode_flac(made.sound) == row["audio"]["bytes"])
"""

# VmHWM, not ru_maxrss: that of a child begins with what its parent had when it was started.
PEAK_MEMORY = """
import pickle, re, sys
from pathlib import Path
from storage.pairs import write_pairs
task = pickle.loads(Path(sys.argv[1]).read_bytes())
write_pairs(task)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024)
"""


def rows_of(task: PairsTask) -> list[dict[str, Any]]:
    groups = list(read_data_file(task.table, write_pairs(task)[0].path))
    found: list[dict[str, Any]] = pa.concat_tables(groups).to_pylist()
    return found


def left_out(task: PairsTask) -> list[dict[str, Any]]:
    path = write_pairs(task)[1].path
    return [row for group in read_data_file(task.quarantine, path) for row in group.to_pylist()]


def all_rows(table: Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_table(table).to_table().to_pylist()
    return sorted(found, key=lambda row: str(row["sample_id"]))


def run(code: str, argument: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, str(argument)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_task_makes_one_row_a_draw_in_order(make_task: MakeTask) -> None:
    task = make_task("poor", 5)
    rows = rows_of(task)
    assert [row["sample_id"] for row in rows] == [draw.sample_id for draw, _ in task.draws]
    for row, (_, segment) in zip(rows, task.draws, strict=True):
        assert {name: row[name] for name in segment if name in row} == {
            name: value for name, value in segment.items() if name in row
        }
        assert all(50 <= row[dimension] <= 65 for dimension in DIMENSIONS)
        assert (row["tier"], row["recipe"], row["licence"]) == ("poor", "phase2", "CC0-1.0")


def test_a_part_that_is_there_is_not_made_again(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task("good", 3)
    assert find_pairs(task) is None
    report = write_pairs(task)
    assert find_pairs(task) == report
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    assert write_pairs(task) == report
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == written


def test_a_part_is_named_by_all_that_its_bytes_follow_from(
    make_task: MakeTask, recipe: TieredRecipe, tmp_path: Path
) -> None:
    task = make_task("poor", 4)
    draw, segment = task.draws[0]
    reseeded = recipe.model_copy(update={"seed": 1})
    louder = recipe.instrument.model_copy(update={"gain": 0.9})
    good = recipe.tiers["good"].model_copy(update={"scores": (80.0, 90.0)})
    tiers = {**recipe.tiers, "good": good}
    first = next(iter(task.performances))
    touched = task.performances[first].notes.copy()
    touched["velocity"][0] ^= 1
    music = {**task.performances, first: replace(task.performances[first], notes=touched)}
    others = {
        "fewer draws": replace(task, draws=task.draws[:3]),
        "seed": make_task("poor", 4, recipe=reseeded),
        "instrument": make_task("poor", 4, recipe=recipe.model_copy(update={"instrument": louder})),
        "music": replace(task, performances=music),
        "licence": replace(task, origin=replace(task.origin, licence="other")),
        "corpus": replace(task, origin=replace(task.origin, name="other")),
        # A corrected table must not leave train rows of music that is now held out.
        "split": replace(task, draws=((draw, segment | {"split": "moved"}), *task.draws[1:])),
    }
    names = {about: other.name for about, other in others.items()}
    assert len({task.name, *names.values()}) == len(others) + 1
    assert replace(task, origin=replace(task.origin, root=tmp_path)).name == task.name
    other_tier = make_task("poor", 4, recipe=recipe.model_copy(update={"tiers": tiers}))
    assert other_tier.name == task.name


def test_rows_are_the_same_whatever_is_made_around_them(
    make_task: MakeTask, tmp_path: Path
) -> None:
    whole = make_task("poor", 6, tmp_path / "whole")
    expected = rows_of(whole)
    alone = [
        replace(make_task("poor", 6, tmp_path / f"alone-{n}"), draws=(pair,))
        for n, pair in reversed(list(enumerate(whole.draws)))
    ]
    found = [rows_of(task)[0] for task in alone]
    assert list(reversed(found)) == expected


@pytest.mark.parametrize("tier", TIERS)
def test_a_rendered_row_is_made_again_from_itself_alone(shards: Table, tier: str) -> None:
    for row in read_table(shards, tier=tier).to_table().to_pylist()[:4]:
        made = replay(row)
        assert write_midi(made.degraded) == row["midi"]["bytes"]
        assert encode_flac(made.sound) == row["audio"]["bytes"]
        assert write_midi(made.clean) == row["clean_midi"]["bytes"]
        clean_again = np.array_equal(made.clean_sound.samples, made.sound.samples)
        assert clean_again == (tier == "pristine")


@pytest.mark.slow
def test_another_process_makes_the_same_bytes(shards: Table) -> None:
    path = Path(shards.url) / next(path for path in data_file_rows(shards) if "tier=poor" in path)
    lines = run(ROW_BYTES, path).splitlines()
    assert len(lines) == 40
    assert [line for line in lines if not line.endswith("True True")] == []


def test_another_soundfont_is_told(shards: Table) -> None:
    row = all_rows(shards)[0] | {"soundfont_digest": "0" * 16}
    with pytest.raises(UserError, match=r"another TimGM6mb.sf2: expected digest 0{16}, got \w{16}"):
        replay(row)


def test_the_sound_before_the_noise_is_the_rendering_itself(shards: Table) -> None:
    row = next(row for row in all_rows(shards) if row["tier"] == "good")
    made = replay(row)
    before = replay_without_noise(row)
    noise = made.sound.samples - before.samples
    assert 10 * np.log10(
        np.mean(before.samples.astype(float) ** 2) / np.mean(noise.astype(float) ** 2)
    ) == pytest.approx(35, abs=0.05)


def test_a_pristine_row_holds_the_clean_notes(shards: Table) -> None:
    for row in all_rows(shards):
        same = row["midi"]["bytes"] == row["clean_midi"]["bytes"]
        assert same == (row["tier"] == "pristine")
        assert bool(row["edits"]) != same


def test_only_operations_on_notes_are_replayed_on_notes(
    make_task: MakeTask, recipe: TieredRecipe
) -> None:
    noisy = recipe.tiers["good"].model_copy(
        update={"operations": recipe.tiers["good"].sound_operations}
    )
    nuisance = recipe.model_copy(update={"tiers": {**recipe.tiers, "good": noisy}})
    task = make_task("good", 2, recipe=nuisance)
    for row in rows_of(task):
        assert row["midi"]["bytes"] == row["clean_midi"]["bytes"]
        assert encode_flac(replay(row).sound) == row["audio"]["bytes"]


def test_what_cannot_be_measured_is_null(make_task: MakeTask) -> None:
    task = make_task("moderate", 1)
    (performance_id,) = task.performances
    even = task.performances[performance_id].notes.copy()
    even["velocity"] = 64
    flat = replace(task.performances[performance_id], notes=even)
    (row,) = rows_of(replace(task, performances={performance_id: flat}))
    assert row["velocity_spread_ratio"] is None
    assert row["jitter_ms"] == pytest.approx(30, rel=0.5)


def test_a_recorded_row_says_so_and_hears_operations_on_sound_alone(
    make_recorded_task: MakeTask, recorded_root: Path
) -> None:
    for tier, tolerance in (("pristine", 1 / 2**15), ("good", None)):
        for row in rows_of(make_recorded_task(tier, 2)):
            window = read_audio_window(
                recorded_root / row["audio_filename"], row["start_s"], row["duration_s"], 24_000
            ).samples
            heard = decode_audio(row["audio"]["bytes"], "x").samples
            gain = np.float32(10 ** (row["gain_db"] / 20))
            assert row["audio_source"] == "recorded"
            if tolerance is not None:
                assert np.abs(heard - window * gain).max() <= tolerance
                continue
            added = power(heard - window * gain) / power(window * gain)
            assert 10 * np.log10(1 / added) == pytest.approx(35, abs=0.1)
            clean, damaged = (read_midi(row[m]["bytes"], m) for m in ("clean_midi", "midi"))
            assert not np.array_equal(clean.notes["onset_s"], damaged.notes["onset_s"])
            assert row["jitter_ms"] == pytest.approx(10, rel=0.5)


def power(samples: np.ndarray) -> float:
    return float(np.mean(samples.astype(float) ** 2))


@pytest.mark.parametrize("tier", TIERS)
def test_a_recorded_row_is_made_again_with_its_corpus(
    make_recorded_task: MakeTask, recorded_root: Path, tier: str
) -> None:
    rows = rows_of(make_recorded_task(tier, 2))
    assert rows
    for row in rows:
        made = replay(row, recorded_root)
        assert write_midi(made.degraded) == row["midi"]["bytes"]
        assert encode_flac(made.sound) == row["audio"]["bytes"]
    with pytest.raises(UserError, match=r"expected its corpus root"):
        replay(rows[0])


def test_a_row_whose_recording_is_broken_goes_to_quarantine_and_the_rest_is_written(
    make_recorded_task: MakeTask, recorded_root: Path, tmp_path: Path
) -> None:
    root = tmp_path / "broken"
    root.mkdir()
    sound = make_recorded_task("good", 8)
    path = sound.draws[0][1]["audio_filename"]
    samples, rate_hz = soundfile.read(recorded_root / path)
    samples[6 * rate_hz : 6 * rate_hz + 3] = np.nan
    (root / path).parent.mkdir()
    soundfile.write(root / path, samples[: 26 * rate_hz], rate_hz, subtype="FLOAT")
    task = make_recorded_task("good", 8, root=root)
    reasons = {fault["item"]: fault["reason"] for fault in left_out(task)}
    kept = [row["sample_id"] for row in rows_of(task)]
    assert kept
    assert sorted([*kept, *reasons]) == [draw.sample_id for draw, _ in task.draws]
    assert any("3 samples that are NaN" in reason for reason in reasons.values())
    assert any("expected audio up to" in reason for reason in reasons.values())
    assert {(f["stage"], f["tier"]) for f in left_out(task)} == {("pairs", "good")}
    soundfile.write(root / path, soundfile.read(recorded_root / path)[0], rate_hz, subtype="FLOAT")
    mended = make_recorded_task("good", 8, root=root)
    assert left_out(mended) == []


def test_a_draw_in_which_nothing_is_heard_goes_to_quarantine(
    make_task: MakeTask, recipe: TieredRecipe
) -> None:
    noisy = recipe.tiers["good"].model_copy(
        update={"operations": recipe.tiers["good"].sound_operations}
    )
    nuisance = recipe.model_copy(update={"tiers": {**recipe.tiers, "good": noisy}})
    task = make_task("good", 2, recipe=nuisance, every=40)
    (draw, segment), (heard, _) = task.draws
    name = segment["performance_id"]
    assert len(task.performances) == 2
    notes = task.performances[name].notes[:1].copy()
    notes["onset_s"] = segment["start_s"] + segment["duration_s"] - 0.0001
    notes["offset_s"] = notes["onset_s"] + 1.0
    pedal = task.performances[name].pedal[:0]
    late = replace(task.performances[name], notes=notes, pedal=pedal)
    task = replace(task, performances={**task.performances, name: late})
    (fault,) = left_out(task)
    assert (fault["stage"], fault["item"]) == ("pairs", draw.sample_id)
    assert fault["reason"].startswith("the sound is silent")
    (row,) = rows_of(task)
    assert row["sample_id"] == heard.sample_id
    assert row["realised_snr_db"] == pytest.approx(35, abs=0.01)


def test_draws_of_a_task_that_cannot_be_made_are_left_out_under_other_names(
    make_task: MakeTask,
) -> None:
    task = make_task("poor", 2)
    made, left_out_file = quarantine_pairs(task, "its worker died")
    assert made.rows == 0
    assert find_pairs(task) is None  # the next run tries again
    [rows] = [group.to_pylist() for group in read_data_file(task.quarantine, left_out_file.path)]
    assert [row["item"] for row in rows] == [draw.sample_id for draw, _ in task.draws]
    assert {row["reason"] for row in rows} == {"its worker died"}


def test_a_root_of_recordings_that_is_not_on_the_worker_s_machine_ends_the_run(
    make_recorded_task: MakeTask, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"corpus root .*/gone is not on .*mount it there"):
        write_pairs(make_recorded_task("good", 1, root=tmp_path / "gone"))


def test_a_corpus_without_recordings_is_told_row_by_row(
    make_task: MakeTask, recorded_recipe: TieredRecipe, tmp_path: Path
) -> None:
    task = make_task("good", 2, recipe=recorded_recipe)
    assert [fault["reason"].split(",")[0].split(" ", 1)[1] for fault in left_out(task)] == [
        "has no recording"
    ] * 2
    assert rows_of(task) == []
    # Its root's own date is no part of its name.
    assert replace(task, origin=replace(task.origin, root=tmp_path)).name == task.name


def test_what_would_befall_every_row_is_no_matter_for_quarantine(
    make_task: MakeTask, recipe: TieredRecipe, tmp_path: Path
) -> None:
    absent = recipe.instrument.model_copy(update={"program": 125, "bank": 77})
    task = make_task("good", 2, recipe=recipe.model_copy(update={"instrument": absent}))
    with pytest.raises(UserError, match=r"has no bank 77 program 125"):
        write_pairs(task)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(make_task: MakeTask, tmp_path: Path) -> None:
    peaks_mib = []
    for rows in (8, 80):
        task = make_task("good", 8, tmp_path / str(rows))
        draws = tuple(
            (replace(draw, number=number), segment)
            for number in range(rows // 8)
            for draw, segment in task.draws
        )
        pickled = tmp_path / f"{rows}.pickle"
        pickled.write_bytes(pickle.dumps(replace(task, draws=draws)))
        peaks_mib.append(float(run(PEAK_MEMORY, pickled)))
    few, many = peaks_mib
    assert many < 1536
    assert many - few < 150


def test_draws_are_split_into_runs_of_a_part() -> None:
    runs = split_into_tasks(list(range(600)))
    assert [len(run) for run in runs] == [256, 256, 88]
    assert [number for run in runs for number in run] == list(range(600))
    assert split_into_tasks([]) == []


def test_the_row_is_of_the_schema_and_its_parameters_are_json(shards: Table) -> None:
    row = all_rows(shards)[0]
    assert set(row) == set(PAIRS.names)
    assert json.loads(row["instrument"])["soundfont"] == "TimGM6mb.sf2"
    assert isinstance(json.loads(row["sound_operations"]), list)


@pytest.mark.real_data
def test_real_recordings_are_replayed(
    real_data: Path, make_task_of_root: MakeTask, recorded_recipe: TieredRecipe
) -> None:
    root = real_data / "maps-recorded"
    for row in rows_of(make_task_of_root(root, recorded_recipe, "poor", 3)):
        made = replay(row, root)
        assert write_midi(made.degraded) == row["midi"]["bytes"]
        assert encode_flac(made.sound) == row["audio"]["bytes"]


def test_marked_rows_are_those_whose_sound_and_notes_were_there_before(shards: Table) -> None:
    first: dict[tuple[bytes, bytes], str] = {}
    for row in sorted(all_rows(shards), key=lambda row: (row["segment_id"], row["draw"])):
        content = (row["audio"]["bytes"], row["midi"]["bytes"])
        assert row["duplicate_of"] == first.get(content)
        first.setdefault(content, row["sample_id"])
    assert first


def test_a_repeated_row_is_not_rendered_again_and_is_the_one_that_would_be_made(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task("pristine", 12)
    alone = [make_row(*draw, task.performances, task.origin) for draw in task.draws]
    repeated = [row["sample_id"] for row in alone if row["duplicate_of"]]
    made: list[str] = []
    monkeypatch.setattr(
        "storage.pairs.make_row", lambda draw, *rest: made.append(draw) or make_row(draw, *rest)
    )
    assert rows_of(task) == pa.Table.from_pylist(alone, schema=PAIRS).to_pylist()
    assert repeated
    assert len(made) == len(alone) - len(repeated)
