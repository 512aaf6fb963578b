import json

import numpy as np
import pandas as pd
import pytest

from labeling.scores import DIMENSIONS
from models.evaluation.agreement.resampling import clustered_gain
from models.evaluation.audits.note_match import NoteMatch
from models.evaluation.audits.transcription import (
    JudgedRow,
    System,
    spread_rows,
    systems,
    transcription_json,
)
from models.evaluation.report.page import page_environment
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
                sample_id=f"row-{index}",
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
    content = transcription_json(rows, seed=1)
    assert (content["rows"], content["compositions"]) == (40, 5)
    by_name = {system["name"]: system for system in content["systems"]}
    assert list(by_name) == [AUDIO.name, TRUE.name, FOUND.name]
    true = np.stack([row.true for row in rows])
    for system in (AUDIO, TRUE, FOUND):
        expected = agreement(true, np.stack([row.predicted[system] for row in rows]))
        found = by_name[system.name]
        assert found["mean_r"] == pytest.approx(expected.mean_r)
        assert found["mean_mae"] == pytest.approx(expected.mean_mae)
        assert found["mean_r_low"] < found["mean_r"] < found["mean_r_high"]
        assert found["mean_mae_low"] < found["mean_mae"] < found["mean_mae_high"]
        assert tuple(found["dimensions"]) == DIMENSIONS
    assert by_name[TRUE.name]["mean_r"] > by_name[FOUND.name]["mean_r"]


def test_gains_are_of_transcribed_notes_over_true_ones_and_over_the_sound() -> None:
    rows = judged()
    gains = transcription_json(rows, seed=1)["gains"]
    assert [(gain["name"], gain["over"]) for gain in gains] == [
        (FOUND.name, AUDIO.name),
        (FOUND.name, TRUE.name),
    ]
    over_audio, over_true = gains
    assert over_audio["mean_r_low"] > 0 > over_true["mean_r_high"]
    true, clusters = np.stack([row.true for row in rows]), [row.composition for row in rows]
    found, audio = (np.stack([row.predicted[s] for row in rows]) for s in (FOUND, AUDIO))
    expected = clustered_gain(true, found, audio, clusters, seed=1)
    assert over_audio["mean_r"] == pytest.approx(expected.mean_r)
    assert over_audio["mean_r_low"] == pytest.approx(expected.interval.low)


def test_onsets_are_told_for_all_and_by_tier() -> None:
    onsets = transcription_json(judged(), seed=1)["onsets"]
    assert (onsets["rows"], onsets["f1"]) == (40, pytest.approx(0.75))
    assert onsets["by_tier"]["good"]["f1"] == pytest.approx(0.9)
    assert onsets["by_tier"]["poor"]["recall"] == pytest.approx(0.6)
    assert onsets["pedal_agreement"] == 0.5
    assert (onsets["onset_spread_ms"], onsets["velocity_error"]) == (4, 7)
    assert onsets["by_tier"]["poor"]["velocity_error"] is None


def test_every_row_keeps_its_scores() -> None:
    rows = judged()
    stored = transcription_json(rows, seed=1)["by_row"]
    assert [row["sample_id"] for row in stored] == [row.sample_id for row in rows]
    assert stored[3]["scores"][FOUND.name] == rows[3].predicted[FOUND].tolist()


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_rows_are_strict_json_without_what_cannot_be_had(count: int) -> None:
    content = transcription_json(judged(5)[:count], seed=1)
    assert content == json.loads(json.dumps(content, allow_nan=False))
    assert content["rows"] == count
    if count == 0:
        assert (content["onsets"]["f1"], content["systems"]) == (None, [])
    if count == 1:
        assert content["systems"][0]["mean_r"] is None


@pytest.mark.parametrize("selected", [True, False])
def test_the_section_says_which_clips_are_not_in_its_figures(selected: bool) -> None:
    about = {
        "rows_in_split": 180, "rows_asked": 9 if selected else 2,
        "rows_without_notes": 3 if selected else 0, "out_of_time": selected,
    }  # fmt: skip
    found = {"transcriber": "t", "sets": {"test": about | transcription_json(judged(2), seed=1)}}
    template = page_environment().get_template("transcription.html.j2")
    page = " ".join(template.render(report={"transcription": found}).split())
    asked = about["rows_asked"]
    assert f"180 clips {asked} were asked for, spread over its compositions, and 2 graded" in page
    assert ("In 3 the transcriber found no note" in page) == selected
    assert ("ended before the last 4, which were not heard" in page) == selected
