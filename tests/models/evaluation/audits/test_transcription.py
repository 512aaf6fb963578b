import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labeling.scores import DIMENSIONS
from models.document import read_document, write_document
from models.evaluation.agreement.resampling import clustered_gain
from models.evaluation.audits.documents import System, TranscribedSplit, TranscriptionAudit
from models.evaluation.audits.note_match import NoteMatch
from models.evaluation.audits.transcription import (
    JudgedRow,
    onset_figures,
    spread_rows,
    system_gains,
    system_scores,
    systems,
)
from models.evaluation.report.document import Report
from models.evaluation.report.page import report_page
from models.metrics import agreement


def samples(pieces: dict[str, int], split: str = "test") -> pd.DataFrame:
    rows = [
        {"sample_id": f"{piece}-{index:03d}", "split": split, "composition": piece}
        for piece, count in pieces.items()
        for index in range(count)
    ]
    return pd.DataFrame(rows)


def test_rows_are_spread_evenly_over_compositions_whatever_their_length() -> None:
    chosen = spread_rows(samples({"long": 400, "short": 8, "tiny": 2}), "test", 20)
    counts = pd.Series([name.split("-")[0] for name in chosen]).value_counts()
    assert counts.to_dict() == {"long": 10, "short": 8, "tiny": 2}


def test_rows_of_a_composition_are_far_apart_however_few_are_taken() -> None:
    for count in (4, 8, 16):
        places = sorted(int(name[-3:]) for name in spread_rows(samples({"one": 64}), "test", count))
        assert set(np.diff(places)) == {64 // count}


def test_fewer_rows_are_the_first_of_more_and_none_comes_twice() -> None:
    table = samples({"a": 30, "b": 17, "c": 1})
    everything = spread_rows(table, "test", 1000)
    assert sorted(everything) == sorted(table["sample_id"])
    assert spread_rows(table, "test", 7) == everything[:7]
    shuffled = table.sample(frac=1, random_state=0)
    assert spread_rows(shuffled, "test", 1000) == everything


def test_other_splits_are_left_alone() -> None:
    both = pd.concat([samples({"a": 3}), samples({"b": 3}, split="train")])
    assert {name[0] for name in spread_rows(both, "test", 10)} == {"a"}
    assert spread_rows(both, "test_counterfactual", 10) == []


def test_a_model_reads_what_its_experiment_hears() -> None:
    assert [system.name for system in systems(["audio_only", "midi_only", "gated"])] == [
        "audio_only: audio",
        "midi_only: true MIDI",
        "midi_only: transcribed MIDI",
        "gated: audio and true MIDI",
        "gated: audio and transcribed MIDI",
    ]


TRUE, FOUND = System("midi_only", "true"), System("midi_only", "transcribed")
AUDIO = System("audio_only", None)


def judged(count: int = 40) -> list[JudgedRow]:
    rng = np.random.default_rng(2)
    rows = []
    for index in range(count):
        true = rng.uniform(50, 100, len(DIMENSIONS))
        rows.append(
            JudgedRow(
                composition=f"piece {index % 5}",
                tier=("good", "poor")[index % 2],
                match=NoteMatch(
                    played=10,
                    found=10,
                    matched=9 - 3 * (index % 2),
                    onset_spread_ms=4.0,
                    velocity_error=None if index else 7.0,
                ),
                pedal_agreement=0.5,
                true=true,
                predicted={
                    AUDIO: true + rng.normal(0, 20, len(DIMENSIONS)),
                    TRUE: true + rng.normal(0, 5, len(DIMENSIONS)),
                    FOUND: true + rng.normal(0, 10, len(DIMENSIONS)),
                },
            )
        )
    return rows


def test_systems_are_judged_on_the_same_rows() -> None:
    rows = judged()
    scores = {one.system: one for one in system_scores(rows, seed=1)}
    assert list(scores) == [AUDIO, TRUE, FOUND]
    true = np.stack([row.true for row in rows])
    for system, found in scores.items():
        expected = agreement(true, np.stack([row.predicted[system] for row in rows]))
        assert found.agreement == expected
        r, mae = found.intervals.mean_r, found.intervals.mean_mae
        assert r.low < expected.mean_r < r.high
        assert mae.low < expected.mean_mae < mae.high
    assert scores[TRUE].agreement.mean_r > scores[FOUND].agreement.mean_r


def test_gains_are_of_transcribed_notes_over_true_ones_and_over_the_sound() -> None:
    rows = judged()
    over_audio, over_true = system_gains(rows, seed=1)
    assert (over_audio.system, over_audio.over) == (FOUND, AUDIO)
    assert (over_true.system, over_true.over) == (FOUND, TRUE)
    assert over_audio.gain.interval.low > 0 > over_true.gain.interval.high
    true, clusters = np.stack([row.true for row in rows]), [row.composition for row in rows]
    found, audio = (np.stack([row.predicted[s] for row in rows]) for s in (FOUND, AUDIO))
    assert over_audio.gain == clustered_gain(true, found, audio, clusters, seed=1)


def test_a_fusion_is_compared_with_the_same_notes_without_the_sound() -> None:
    fused = System("gated", "transcribed")
    rows = [
        dataclasses.replace(row, predicted={**row.predicted, fused: row.predicted[TRUE]})
        for row in judged()
    ]
    gains = {(one.system, one.over): one.gain for one in system_gains(rows, seed=1)}
    assert gains.keys() == {(FOUND, AUDIO), (FOUND, TRUE), (fused, AUDIO), (fused, FOUND)}
    assert gains[fused, FOUND].interval.low > 0


def test_onset_figures_are_means_over_the_rows_that_have_them() -> None:
    onsets = onset_figures(judged())
    assert (onsets.f1, onsets.pedal_agreement) == (pytest.approx(0.75), 0.5)
    assert (onsets.onset_spread_ms, onsets.velocity_error) == (4, 7)
    assert onset_figures(judged()[1:]).velocity_error is None


def split_of(rows: list[JudgedRow], *, asked: int = 2, empty: int = 0) -> TranscribedSplit:
    return TranscribedSplit(
        rows_in_split=180,
        rows_asked=asked,
        rows_without_notes=empty,
        rows=len(rows),
        compositions=1,
        onsets=onset_figures(rows),
        f1_by_tier={},
        systems=system_scores(rows, seed=1),
        gains=system_gains(rows, seed=1),
    )


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_rows_read_back_as_they_were_written(count: int, tmp_path: Path) -> None:
    found = split_of(judged(5)[:count])
    write_document(tmp_path / "found.json", found)
    read = read_document(tmp_path / "found.json", TranscribedSplit)
    assert repr(read) == repr(found), "NaN is not equal to itself"
    if count == 0:
        assert (read.onsets.f1, read.systems) == (None, ())
    if count == 1:
        assert math.isnan(read.systems[0].agreement.mean_r)


@pytest.mark.parametrize("selected", [True, False])
def test_the_section_says_which_clips_are_not_in_its_figures(
    selected: bool, factored_report: Report
) -> None:
    asked = 9 if selected else 2
    split = split_of(judged(2), asked=asked, empty=3 if selected else 0)
    audit = TranscriptionAudit(transcriber="t", models={}, splits={"test": split})
    page = " ".join(report_page(dataclasses.replace(factored_report, transcription=audit)).split())
    assert "2 of 180 clips" in page
    assert ("not graded: 3." in page) == selected
    assert ("ended before 4 of the 9 clips chosen" in page) == selected
