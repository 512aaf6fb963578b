"""Findings: each on made-up playing where the truth is known, and silence where there is none."""

from dataclasses import replace

import numpy as np
import pytest

from degradation.edits import apply_edits
from degradation.halting import Halting
from degradation.hands import HeavyHand
from degradation.notes import Performance, release_before_restrike, snap, sort_notes
from degradation.seeds import stream
from labeling.findings import Finding, find_all
from labeling.findings.pedal import count_harmonies

BOUNDS_S = ((0.0, 10.0), (5.0, 10.0), (10.0, 10.0))
TUNE = (72, 74, 76, 77, 79, 77, 76, 81, 79, 74, 76, 83)


@pytest.fixture
def tune(assemble) -> Performance:
    """Twenty seconds: two notes a second over a chord a second, shaped, clean pedal and touch."""
    notes, pedal = [], []
    for beat in range(39):
        at_s = 0.5 * beat
        loud = int(64 + 18 * np.sin(beat / 5))
        notes.append((at_s, at_s + 0.48, TUNE[beat % 12] + (beat // 12) % 2, loud))
        if beat % 2 == 0:
            root = 48 + (0, 5, 7, 2)[beat // 2 % 4]
            notes += [(at_s, at_s + 0.95, root + step, loud - 14) for step in (0, 4, 7)]
            pedal += [(at_s + 0.02, 0), (at_s + 0.1, 100)]
    return assemble(notes, pedal, duration_s=20.0)


def of(code: str, performance: Performance) -> list[Finding]:
    return [one for one in find_all(performance, BOUNDS_S) if one.code == code]


def changed(performance: Performance, **columns) -> Performance:
    notes = performance.notes.copy()
    for name, values in columns.items():
        notes[name] = snap(values) if name.endswith("_s") else values
    notes = release_before_restrike(sort_notes(notes))
    return replace(performance, notes=notes, duration_s=max(20.0, notes["offset_s"].max()))


def later(performance: Performance, at_s: float, by_s: float) -> Performance:
    notes = performance.notes
    by = by_s * (notes["onset_s"] >= at_s - 1e-6)
    return changed(performance, onset_s=notes["onset_s"] + by, offset_s=notes["offset_s"] + by)


def test_of_clean_playing_there_is_nothing_to_say(tune: Performance) -> None:
    assert find_all(tune, BOUNDS_S) == ()


def test_a_take_of_no_notes_or_few_is_no_error(tune: Performance) -> None:
    for count in range(4):
        few = replace(tune, notes=tune.notes[:count].copy())
        assert find_all(few, BOUNDS_S) == ()


def test_a_stop_is_as_long_and_where_it_was_put(tune: Performance) -> None:
    (stop,) = of("stop", later(later(tune, 6.0, 1.4), 13.4, 0.2))
    assert (stop.at_s, stop.until_s) == pytest.approx((5.5, 7.4))
    assert stop.numbers == pytest.approx(
        {"extra_s": 1.4, "around_s": 0.5, "count": 1, "total_s": 1.4}
    )


def test_long_notes_that_return_are_no_stops(tune: Performance) -> None:
    played = tune
    for at_s in (12.0, 8.0, 4.0):
        played = later(played, at_s, 1.0)
    assert of("stop", played) == []
    assert [round(one.at_s, 3) for one in of("stop", later(played, 17.0, 1.2))] == [16.5]


def test_a_break_between_pieces_is_no_stop(tune: Performance) -> None:
    assert of("stop", later(tune, 6.0, 12.0)) == []


def test_stops_as_the_damage_makes_them_are_found(tune: Performance) -> None:
    operation = Halting(share=0.01, stop_s=1.5)
    halted = operation.draw(tune, stream(3, "halt"))
    played = apply_edits(tune, halted)
    (stop,) = of("stop", played)
    shift_s = halted.notes["onset_shift_s"]
    assert stop.numbers["extra_s"] == pytest.approx(shift_s.max(), abs=1e-3)


def test_a_passage_played_again_after_a_wait(tune: Performance) -> None:
    notes = tune.notes
    before, after = notes[notes["onset_s"] < 6.0], notes[notes["onset_s"] >= 6.0].copy()
    again = before[before["onset_s"] >= 4.0].copy()
    for part, by_s in ((again, 2.6), (after, 2.6)):
        part["onset_s"] += by_s
        part["offset_s"] += by_s
    both = sort_notes(np.concatenate([before, again, after]))
    both["note_id"] = np.arange(len(both))
    (found,) = of("played_again", replace(tune, notes=release_before_restrike(both), duration_s=23))
    assert found.numbers == pytest.approx({"chords": 4, "wait_s": 0.6})
    assert (found.at_s, found.until_s) == pytest.approx((4.0, 8.1))


@pytest.mark.parametrize(("pace", "code"), [(1.3, "slower"), (0.78, "faster")])
def test_a_change_of_tempo_is_found_where_it_is(tune: Performance, pace: float, code: str) -> None:
    def moved(time_s):
        return time_s + (pace - 1) * np.clip(time_s - 8, 0, 6)

    played = changed(
        tune, onset_s=moved(tune.notes["onset_s"]), offset_s=moved(tune.notes["offset_s"])
    )
    found = [one for one in find_all(played, BOUNDS_S) if one.code in ("slower", "faster")]
    assert [one.code for one in found] == [code]
    assert found[0].numbers["share"] == pytest.approx(abs(1 / pace - 1), abs=0.03)
    inside_s = min(found[0].until_s, 8 + 6 * pace) - max(found[0].at_s, 8)
    assert inside_s > 0.6 * (found[0].until_s - found[0].at_s)


def test_a_left_hand_that_is_louder(tune: Performance) -> None:
    operation = HeavyHand(louder_velocity=25)
    (found,) = of("left_hand_louder", apply_edits(tune, operation.draw(tune, stream(0, "hand"))))
    assert found.numbers["velocity"] == pytest.approx(25 - 14, abs=1.5)


def test_flat_loudness_and_one_velocity(tune: Performance) -> None:
    (flat,) = of("flat_loudness", changed(tune, velocity=60 + np.arange(len(tune.notes)) % 4))
    assert flat.numbers["spread"] == pytest.approx(1.12, abs=0.05)
    (one,) = of("flat_loudness", changed(tune, velocity=60))
    assert one.numbers == {"spread": 0, "mean": 60}


def test_a_banged_note(tune: Performance) -> None:
    velocity = tune.notes["velocity"].copy()
    at = int(np.flatnonzero(tune.notes["onset_s"] == 12.5)[0])
    velocity[at] = 120
    (found,) = of("banged", changed(tune, velocity=velocity))
    assert found.at_s == 12.5
    assert found.numbers["pitch"] == tune.notes["pitch"][at]
    assert found.numbers["louder"] > 40


def test_chords_that_are_not_struck_together(tune: Performance) -> None:
    lower = tune.notes["pitch"] < 65
    (found,) = of("chords_apart", changed(tune, onset_s=tune.notes["onset_s"] + 0.08 * lower))
    assert found.numbers["apart_s"] == pytest.approx(0.08)
    run = tune.notes[~lower].copy()
    at = np.arange(len(run))
    run["onset_s"] = snap(0.225 * (at // 2) + 0.1 * (at % 2))  # uneven, but no chords
    run["offset_s"] = run["onset_s"] + 0.09
    run["pitch"] = 60 + 7 * (at % 5)
    assert of("chords_apart", replace(tune, notes=run)) == []


def test_keys_let_go_early_or_held_over(tune: Performance) -> None:
    onset_s, offset_s = tune.notes["onset_s"], tune.notes["offset_s"]
    (short,) = of("detached", changed(tune, offset_s=onset_s + 0.25 * (offset_s - onset_s)))
    assert short.numbers["share_silent"] == pytest.approx(0.76, abs=0.02)
    (long,) = of("overlapping", changed(tune, offset_s=offset_s + 0.3))
    assert long.numbers["overlap_s"] == pytest.approx(0.25, abs=0.05)


def test_the_pedal_through_harmonies_and_never(tune: Performance) -> None:
    held = replace(tune, pedal=tune.pedal[1:2].copy())
    (found,) = of("harmonies_under_pedal", held)
    assert found.numbers["harmonies"] == 8
    assert (found.at_s, found.until_s) == pytest.approx((0.1, 20.0))
    half = tune.pedal.copy()
    half["value"] = np.maximum(half["value"], 50)
    assert of("harmonies_under_pedal", replace(tune, pedal=half)) == []
    (never,) = of("pedal_never_down", replace(tune, pedal=tune.pedal[:0]))
    assert never.numbers == {"notes": len(tune.notes)}


def test_an_arpeggio_and_a_scale_are_one_harmony(assemble) -> None:
    def line(*pitches: int) -> Performance:
        return assemble([(0.25 * n, 0.25 * n + 0.2, p, 64) for n, p in enumerate(pitches)])

    assert count_harmonies(line(*(48, 52, 55, 60, 64, 67, 72, 76) * 3).notes) == 1
    assert count_harmonies(line(*range(48, 72)).notes) <= 1
    chords = [48, 52, 55, 60, 53, 57, 60, 65, 55, 59, 62, 67]
    assert count_harmonies(line(*chords).notes) == 3
