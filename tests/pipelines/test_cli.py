"""The command line on a small real corpus; in this process, unless a test says otherwise."""

import json
import os
import re
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pretty_midi
import pytest
import soundfile
import yaml
from joblib import cpu_count

from pipelines.settings import CONFIGS
from storage.demo_corpus import CSV_NAME

ROWS = "select sample_id, md5(audio.bytes) sound, md5(midi.bytes) notes from pairs order by 1"


def complains(answer: Any, *words: str) -> None:
    """Assert that a command ended in one line that has these words, and exit code 2."""
    progress = ("[", "  ")
    lines = [line for line in answer.stderr.splitlines() if not line.startswith(progress)]
    assert answer.returncode == 2, answer.stderr
    assert len(lines) == 1, answer.stderr
    assert "Traceback" not in answer.stderr
    for word in words:
        assert word in lines[0], lines[0]


def test_a_run_ends_with_a_report_a_page_and_shards(finished: Any) -> None:
    (outputs,) = (finished.home / "outputs").glob("root/phase2")
    report = json.loads((outputs / "evaluation" / "report.json").read_text())
    wanted = yaml.safe_load(finished.experiment.read_text())["experiments"]
    assert {e["name"] for e in report["models"]} == set(wanted)
    assert (outputs / "evaluation" / "report.html").stat().st_size > 10_000
    assert len(report["criteria"]) >= 3
    comparison = (outputs.parent / "recipe_comparison" / "comparison.html").read_text()
    assert "only <b>phase2</b> was evaluated" in comparison
    assert re.search("Not evaluated yet: [^<]*phase2_recorded", comparison)
    assert (outputs / "listening_page" / "listening.html").stat().st_size > 100_000
    rows, segments = finished.query(
        "select (select count(*) from samples) as rows, (select count(*) from segments) as segments"
    )[0].values()
    assert int(rows) == 4 * int(segments) > 100


def test_runs_show_in_dagster_with_metadata_and_passed_checks(
    finished: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(finished.home / "dagster"))
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs()
        assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS] * 5
        checks = [
            record.dagster_event.asset_check_evaluation_data
            for run in runs
            for record in instance.all_logs(
                run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
            )
            if record.dagster_event
        ]
        assert {check.check_name for check in checks} == {
            "no_composition_in_two_splits", "rows_match_segments", "tier_shares", "realised_jitter",
            "realised_wrong_notes", "realised_snr", "audio_follows_midi", "scores_in_range",
            "no_shortcut", "labels_are_eight", "every_field_beats_the_unigram",
        }  # fmt: skip
        failed = {check.check_name: check.severity for check in checks if not check.passed}
        # Five performances are too few to learn what notes are like; that is told.
        assert failed.pop("every_field_beats_the_unigram") == dg.AssetCheckSeverity.WARN
        # phase2 is rebuilt to show what was wrong with it, and says so.
        assert failed == dict.fromkeys(
            ("no_shortcut", "labels_are_eight"), dg.AssetCheckSeverity.WARN
        )
        key = dg.AssetKey(["phase2", "pairs"])
        event = instance.get_latest_materialization_event(key)
        assert event is not None
        metadata = event.asset_materialization.metadata
        assert {"dagster/column_schema", "dagster/row_count", "labels", "before and after"} <= set(
            metadata
        )
        assert "data:image/png;base64," in metadata["before and after"].value
        partitions = instance.get_materialized_partitions(key)
        assert partitions == {f"root|{tier}" for tier in ("pristine", "good", "moderate", "poor")}


def test_a_finished_run_is_not_done_again(finished: Any) -> None:
    before = finished.query(ROWS)
    parts = {path: path.stat().st_mtime_ns for path in finished.home.rglob("*.parquet")}
    answer = finished.run(stages=2)
    assert answer.returncode == 0, answer.stderr
    assert finished.query(ROWS) == before
    again = {path: path.stat().st_mtime_ns for path in finished.home.rglob("*.parquet")}
    assert {p for p in again if again[p] != parts.get(p) and "quarantine" not in str(p)} == set()


def test_pretraining_alone_prints_each_field_beside_the_unigram(finished: Any) -> None:
    answer = finished.pianograde("pretrain", *finished.run_arguments[1:])
    assert answer.returncode == 0, answer.stderr
    heading, *fields, judged, checkpoint = (
        line for line in answer.stdout.splitlines() if "too small to teach" not in line
    )
    assert heading.split() == ["field", "cross-entropy", "unigram", "beats", "it"]
    found = {line.split()[0]: (float(line.split()[1]), float(line.split()[2])) for line in fields}
    assert set(found) >= {"gap", "duration", "sounding", "pitch", "velocity"}
    for line in fields:
        learnt, counted = found[line.split()[0]]
        assert line.endswith(("nothing to guess", "yes" if learnt < counted else "NO"))
    assert judged.startswith("nats on the validation split; epoch ")
    assert Path(checkpoint).exists()


def test_a_part_of_a_root_takes_the_encoder_of_the_whole_while_settings_are_the_same(
    finished: Any, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished.home, home)
    config = yaml.safe_load(finished.experiment.read_text())
    config["pretraining"]["epochs"] += 1
    (tmp_path / finished.experiment.name).write_text(yaml.safe_dump(config))

    def encoder(experiment: Path) -> Path:
        part = ["--maestro", str(finished.root), "--limit", "4", "--experiment", str(experiment)]
        answer = finished.pianograde("pretrain", *part, PIANOGRADE_HOME=str(home))
        assert answer.returncode == 0, answer.stderr
        taken = "taken from the whole root" in answer.stderr
        assert taken == (experiment == finished.experiment)
        return Path(answer.stdout.splitlines()[-1])

    whole, own = encoder(finished.experiment), encoder(tmp_path / finished.experiment.name)
    assert (home / "outputs" / f"{finished.root.name}-4") not in whole.parents
    assert own.exists()
    assert whole.exists()
    assert own.relative_to(home / "outputs").parts[0] == f"{finished.root.name}-4"


def test_editing_one_tier_makes_that_tier_again_and_no_other(finished: Any, tmp_path: Path) -> None:
    recipes = tmp_path / "recipes"
    shutil.copytree(CONFIGS / "recipes", recipes)
    text = (recipes / "phase2.yaml").read_text()
    edited = text.replace("spread_s: 0.060", "spread_s: 0.080")
    (recipes / "phase2.yaml").write_text("# a comment\n" + edited)
    home = tmp_path / "home"
    shutil.copytree(finished.home, home)
    before = {path.relative_to(home) for path in (home / "data").rglob("*.parquet")}
    environment = {"PIANOGRADE_HOME": str(home), "PIANOGRADE_RECIPES": str(recipes)}
    answer = finished.run(stages=4, **environment)
    assert answer.returncode == 0, answer.stderr
    new = {path.relative_to(home) for path in (home / "data").rglob("*.parquet")} - before
    for table in ("pairs", "heuristics", "samples", "audio_features", "midi_tokens"):
        assert {path.parts[-3] for path in new if path.parts[3] == table} == {"tier=poor"}

    made = finished.pianograde("query", "--format", "csv", ROWS, **environment).stdout
    vacuumed = finished.pianograde("vacuum", **environment)
    assert vacuumed.returncode == 0, vacuumed.stderr
    left = {path.relative_to(home) for path in (home / "data").rglob("*.parquet")}
    assert {path.parts[-3] for path in before - left if path.parts[3] == "pairs"} == {"tier=poor"}
    assert new <= left
    assert finished.pianograde("query", "--format", "csv", ROWS, **environment).stdout == made


def kill_after(project: Any, part_count: int, folder: str) -> None:
    """Start a run and kill it when it has written this many parts more below a folder of data."""

    def parts() -> int:
        return sum(1 for _ in (project.home / "data").glob(f"*/{folder}/**/*.parquet"))

    before, process = parts(), project.start(*project.run_arguments, until_shards=True)
    while parts() < before + part_count:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)  # its workers are left to notice
    process.communicate()  # ends when they are gone, who write to the same pipe


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_rows(
    finished: Any, new_project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the corpus and among the shards' 48 parts."""
    project = new_project()
    shutil.rmtree(project.root)
    shutil.copytree(finished.root, project.root)
    for part_count, folder in [(1, "performances"), (4, "phase2")]:
        kill_after(project, part_count, folder)
    monkeypatch.setenv("DAGSTER_HOME", str(project.home / "dagster"))
    with dg.DagsterInstance.get() as instance:
        assert dg.DagsterRunStatus.STARTED in {run.status for run in instance.get_runs()}
        answer = project.run(stages=2)
        assert answer.returncode == 0, answer.stderr
        assert project.query(ROWS) == finished.query(ROWS)
        heuristics = "select * from heuristics order by sample_id"
        assert project.query(heuristics) == finished.query(heuristics)
        # What was killed does not look as if it still ran.
        statuses = {run.status for run in instance.get_runs()}
        assert statuses == {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}


def test_replay_writes_the_bytes_of_the_row(finished: Any, tmp_path: Path) -> None:
    row = finished.query(
        "select sample_id, md5(audio.bytes) sound, octet_length(audio.bytes) size "
        "from pairs where tier = 'poor' limit 1"
    )[0]
    answer = finished.pianograde("replay", row["sample_id"], "--out", str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "degraded.flac").stat().st_size == int(row["size"])
    degraded, rate_hz = soundfile.read(tmp_path / "degraded.flac")
    assert len(degraded) == 10 * rate_hz
    clean = pretty_midi.PrettyMIDI(str(tmp_path / "clean.mid"))
    assert clean.instruments[0].notes
    provenance = json.loads((tmp_path / "provenance.json").read_text())
    assert {edit["operation"] for edit in provenance["edits"]} >= {
        "onset_jitter", "dynamics_compression",
    }  # fmt: skip


def test_listen_makes_the_page(finished: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.launch", lambda url: 0)
    answer = finished.pianograde("listen")
    assert answer.returncode == 0, answer.stderr
    assert Path(answer.stdout.strip()).stat().st_size > 100_000


def test_query_prints_a_table_and_names_the_tables_in_errors(finished: Any) -> None:
    answer = finished.pianograde("query", "select tier, count(*) n from samples group by tier")
    assert answer.returncode == 0
    assert "pristine" in answer.stdout
    complains(finished.pianograde("query", "select * from nothing"), "nothing", "phase2.samples")
    complains(finished.pianograde("query", "create table x (a int)"), "SELECT")


def test_csv_is_nothing_but_csv(new_project: Any) -> None:
    """Where the environment has CI, pyfluidsynth prints where it found its library."""
    answer = new_project().process("query", "--format", "csv", "select 1 as one", CI="true")
    assert answer.stdout == '"one"\n1\n'


@pytest.mark.slow
def test_bench_prints_ratio_and_shares_of_each_recipe_that_renders(new_project: Any) -> None:
    answer = new_project().process("bench", "--pairs", "8")
    assert answer.returncode == 0, answer.stderr
    lines = [re.split("  +", line.strip()) for line in answer.stdout.splitlines()]
    assert lines[0] == ["factored", "lifelike", "phase2"]
    shown = {name: values for name, *values in lines[1:]}
    assert all(float(value) > 1 for value in shown["ratio"])
    parts = ("damage", "render", "sound", "encode", "measure", "write")
    for at in range(len(lines[0])):
        assert sum(float(" ".join(shown[part]).split()[2 * at]) for part in parts) == pytest.approx(
            float(shown["ms a pair"][at]), abs=0.4
        )
    rates = re.findall(r"samples a second +(\d+) .* torch threads: (\d+)$", answer.stdout, re.M)
    assert [int(threads) for _, threads in rates][-1] == cpu_count()
    assert all(int(rate) > 0 for rate, _ in rates)


def test_before_anything_was_made_commands_say_so_in_one_line(new_project: Any) -> None:
    project = new_project()
    way_out = "pairs of demo, or `pianograde run --corpus demo --recipe phase2`"
    complains(project.pianograde("listen"), way_out)
    complains(
        project.pianograde("query", "select * from samples"), way_out.replace("pairs", "samples")
    )
    complains(project.pianograde("replay", "nothing", "--out", str(project.home)), "nothing")


def test_a_badly_named_recipe_file_is_refused_in_one_line(new_project: Any, tmp_path: Path) -> None:
    project = new_project()
    recipes = tmp_path / "recipes"
    shutil.copytree(CONFIGS / "recipes", recipes)
    (recipes / "phase2.yaml").rename(recipes / "phase-2.yaml")
    answer = project.pianograde("listen", PIANOGRADE_RECIPES=str(recipes))
    complains(answer, "phase2")


def test_a_root_that_is_no_root_is_refused_in_one_line(new_project: Any, tmp_path: Path) -> None:
    project = new_project()
    complains(project.pianograde("run", "--maestro", str(tmp_path / "none")), "no folder")
    complains(project.pianograde("run", "--maestro", str(tmp_path)), "CSV")
    table = pd.read_csv(project.root / CSV_NAME).drop(columns=["split", "duration"])
    table.to_csv(project.root / CSV_NAME, index=False)
    complains(project.pianograde(*project.run_arguments), "split, duration", "MAESTRO")


@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_recipe_that_is_not_there_is_refused_in_one_line(new_project: Any, command: str) -> None:
    project = new_project()
    arguments = project.run_arguments if command == "run" else ["demo"]
    answer = project.pianograde(*arguments, "--recipe", "nothing")
    complains(answer, "nothing", "phase2")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("spread_s: 0.030", "spread_s: -0.030", ["moderate", "spread_s", "-0.03"]),
        ("spread_s: 0.030", "spraed_s: 0.030", ["moderate", "spraed_s"]),
        ("snr_db: 25", "snr_db: .nan", ["moderate", "snr_db"]),
        ("draws: 4", "draws: [4", ["YAML"]),
    ],
)
def test_a_broken_recipe_is_refused_in_one_line(
    new_project: Any, tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    project = new_project()
    recipes = tmp_path / "recipes"
    shutil.copytree(CONFIGS / "recipes", recipes)
    text = (recipes / "phase2.yaml").read_text()
    assert old in text
    (recipes / "phase2.yaml").write_text(text.replace(old, new))
    answer = project.pianograde(*project.run_arguments, PIANOGRADE_RECIPES=str(recipes))
    complains(answer, "phase2.yaml", *words)


def test_a_broken_experiment_is_refused_in_one_line(new_project: Any) -> None:
    project = new_project()
    config = yaml.safe_load(project.experiment.read_text())
    config["training"]["epoch"] = 3
    project.experiment.write_text(yaml.safe_dump(config))
    complains(project.pianograde(*project.run_arguments), "epoch")


def test_broken_files_are_quarantined_and_the_rest_goes_on(finished: Any, new_project: Any) -> None:
    project = new_project()
    table = pd.read_csv(project.root / CSV_NAME, keep_default_na=False)
    files = [project.root / name for name in table["midi_filename"]]
    files[0].write_bytes(files[0].read_bytes()[:200])
    outside = table.iloc[[1]].assign(midi_filename="../../etc/passwd", canonical_title="Outside")
    missing = table.iloc[[1]].assign(midi_filename="2021/none.midi", canonical_title="Missing")
    pd.concat([table, outside, missing]).to_csv(project.root / CSV_NAME, index=False)
    answer = project.run(stages=1)
    assert answer.returncode == 0, answer.stderr
    reasons = {row["item"]: row["reason"] for row in project.query("select * from quarantine")}
    assert "cannot be read as MIDI" in reasons[table["midi_filename"][0]]
    assert "leaves the corpus root" in reasons["../../etc/passwd"]
    assert "missing" in reasons["2021/none.midi"]
    used = project.query("select count(*) n from performances")[0]["n"]
    assert int(used) == len(table) - 1


def test_a_recording_recipe_without_recordings_says_so(new_project: Any) -> None:
    project = new_project()
    answer = project.pianograde(*project.run_arguments, "--recipe", "phase2_recorded")
    complains(answer, "phase2_recorded", "recording")


@pytest.mark.real_data
@pytest.mark.slow
def test_real_recordings_become_shards(new_project: Any, real_data: Path) -> None:
    project = replace(new_project(), root=real_data / "maps-recorded")
    answer = project.run("--recipe", "phase2_recorded", stages=2)
    assert answer.returncode == 0, answer.stderr
    rows = project.query(
        "select audio_source, licence, count(*) n from phase2_recorded.samples group by all"
    )
    assert rows == [{"audio_source": "recorded", "licence": "unknown", "n": "288"}]
    assert project.query("select * from phase2_recorded.pairs_quarantine") == []
