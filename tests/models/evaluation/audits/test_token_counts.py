from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from degradation.dynamics import DynamicsCompression
from degradation.edits import EDIT_DTYPE, Change, Edits, apply_edits
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, NoteArray, Performance, cut_window
from degradation.recipe import load_recipe
from degradation.seeds import stream
from degradation.tiered import TieredRecipe
from degradation.timing import OnsetJitter
from models.evaluation.audits.token_counts import (
    ASPECTS,
    PairAudit,
    audit_pair,
    audit_tokeniser,
    notes_lost,
)
from models.tokens.octuple import OCTUPLE, STEP_S
from models.tokens.performance import PERFORMANCE
from models.tokens.tokeniser import TokenArray, Tokeniser
from models.tokens.tokenisers import TOKENISERS
from storage.midi import read_midi

Performances = Callable[..., Performance]
REPOSITORY = Path(__file__).parents[4]
every_tokeniser = pytest.mark.parametrize("tokeniser", TOKENISERS.values(), ids=TOKENISERS)

KEPT = {10: 0.74, 30: 0.38, 60: 0.20}
"""Share of real onsets that keep their octuple position under jitter, by its spread in ms."""


@pytest.fixture(scope="module")
def recipe() -> TieredRecipe:
    return load_recipe(REPOSITORY / "configs" / "recipes" / "phase2.yaml")


@pytest.fixture(scope="module")
def playing(perform_at_random: Performances) -> Performance:
    return perform_at_random(3, notes=8000, duration_s=500.0)


def jitter(clean: Performance, spread_s: float) -> Performance:
    rng = stream(1, "jitter", str(spread_s))
    return apply_edits(clean, OnsetJitter(spread_s=spread_s).draw(clean, rng))


def survival_of_jitter(audit: PairAudit) -> float:
    survival = audit.traces["onset"].survival
    assert survival is not None
    return survival


@pytest.mark.parametrize("spread_ms", KEPT)
def test_octuple_is_as_deaf_to_jitter_as_was_measured(playing: Performance, spread_ms: int) -> None:
    audit = audit_pair(playing, jitter(playing, spread_ms / 1000), OCTUPLE)
    assert audit.traces["onset"].seen_share == pytest.approx(1 - KEPT[spread_ms], abs=0.02)


@pytest.mark.parametrize("spread_ms", [2, 5, 10, 30, 60, 120])
def test_survival_is_what_theory_says_of_a_grid(playing: Performance, spread_ms: int) -> None:
    spread_s = spread_ms / 1000
    audit = audit_pair(playing, jitter(playing, spread_s), OCTUPLE)
    # The onsets are spread evenly over the grid, so a shift s is seen as n or n + 1 steps with
    # mean s, and the error's variance is that of a fair coin weighted by the rest of s.
    rest = np.abs(np.random.default_rng(0).normal(0, spread_s, 100_000)) / STEP_S % 1
    seen_variance = spread_s**2 + STEP_S**2 * float(np.mean(rest * (1 - rest)))
    assert survival_of_jitter(audit) == pytest.approx(spread_s**2 / seen_variance, abs=0.03)


def test_survival_rises_with_the_damage(playing: Performance) -> None:
    survivals = [
        survival_of_jitter(audit_pair(playing, jitter(playing, spread_s), OCTUPLE))
        for spread_s in (0.0005, 0.002, 0.01, 0.03, 0.06, 0.3)
    ]
    assert survivals == sorted(survivals)
    assert survivals[0] < 0.05
    assert survivals[-1] > 0.98


@pytest.mark.parametrize("spread_s", [0.0002, 0.01, 0.06])
def test_performance_tokens_keep_any_jitter(playing: Performance, spread_s: float) -> None:
    trace = audit_pair(playing, jitter(playing, spread_s), PERFORMANCE).traces["onset"]
    assert trace.changed > 0.8 * len(playing.notes)
    assert trace.seen_share == 1
    assert trace.survival == pytest.approx(1, abs=1e-9)


def test_damage_below_the_grid_survives_in_performance_tokens_alone(playing: Performance) -> None:
    notes = playing.notes[::8].copy()
    notes["note_id"] = np.arange(len(notes))
    notes["onset_s"] = 1.0 + STEP_S * np.arange(len(notes))
    notes["offset_s"] = notes["onset_s"] + STEP_S / 2
    notes["pitch"] = 21 + np.arange(len(notes)) % 88
    on_the_grid = replace(playing, notes=notes)
    strayed = jitter(on_the_grid, 0.002)
    assert survival_of_jitter(audit_pair(on_the_grid, strayed, OCTUPLE)) == 0
    assert survival_of_jitter(audit_pair(on_the_grid, strayed, PERFORMANCE)) == pytest.approx(1)


@every_tokeniser
def test_what_is_not_damaged_is_not_seen_as_damage(
    playing: Performance, tokeniser: Tokeniser
) -> None:
    audit = audit_pair(playing, playing, tokeniser)
    assert set(audit.traces) == set(ASPECTS)
    for trace in audit.traces.values():
        assert asdict(trace) == dict.fromkeys(asdict(trace), 0)
        assert (trace.seen_share, trace.survival) == (None, None)
    assert audit.notes_lost == 0


def test_changes_without_relation_to_the_damage_are_no_survival(playing: Performance) -> None:
    rng = np.random.default_rng(0)

    def decode_anything(tokens: TokenArray) -> NoteArray:
        notes = PERFORMANCE.decode(tokens)
        notes["onset_s"] = rng.uniform(0, 1, len(notes))
        return notes

    garbling = replace(PERFORMANCE, decode=decode_anything)
    audit = audit_pair(playing, jitter(playing, 0.03), garbling)
    assert audit.traces["onset"].seen_share == pytest.approx(1, abs=0.01)
    assert survival_of_jitter(audit) < 0.01


def test_changes_that_tokens_make_up_are_not_seen_but_lower_survival(playing: Performance) -> None:
    # Jitter moves notes whole: what few lengths it changes are those of keys soon struck again.
    length = audit_pair(playing, jitter(playing, 0.03), OCTUPLE).traces["duration"]
    assert 0 < length.seen <= length.changed < 0.2 * len(playing.notes)
    assert 0 < (length.survival or 0) < 0.5
    alone = audit_pair(playing, jitter(playing, 0.03), PERFORMANCE).traces["duration"]
    assert (alone.changed, alone.survival) == (length.changed, pytest.approx(1))


@every_tokeniser
def test_missed_and_extra_notes_are_each_seen(playing: Performance, tokeniser: Tokeniser) -> None:
    edits = np.zeros(50, EDIT_DTYPE)
    edits["note_id"][:30] = playing.notes["note_id"][10:40]
    edits["change"][:30] = Change.MISSED
    edits["note_id"][30:] = 100_000 + np.arange(20)
    edits["change"][30:] = Change.EXTRA
    edits["onset_shift_s"][30:] = edits["offset_shift_s"][30:] = 10.0 + np.arange(20)
    edits["pitch_shift"][30:] = edits["velocity_shift"][30:] = 60
    degraded = apply_edits(playing, Edits(notes=edits))
    trace = audit_pair(playing, degraded, tokeniser).traces["presence"]
    assert (trace.changed, trace.seen, trace.survival) == (50, 50, 1.0)


def test_velocity_survives_as_far_as_its_classes_go(playing: Performance) -> None:
    degraded = apply_edits(playing, DynamicsCompression(share=0.02).draw(playing, stream(0)))
    seen = {
        name: audit_pair(playing, degraded, tokeniser).traces["velocity"]
        for name, tokeniser in TOKENISERS.items()
    }
    assert seen["performance"].survival == 1
    assert seen["octuple"].seen_share == pytest.approx(0.25, abs=0.1), "one step of four is seen"
    assert 0.05 < (seen["octuple"].survival or 0) < 0.6


def test_pedalling_survives_in_performance_tokens_alone(playing: Performance) -> None:
    half_as_deep = playing.pedal.copy()
    half_as_deep["value"] //= 2
    shallow = replace(playing, pedal=half_as_deep)
    none = replace(playing, pedal=np.zeros(0, PEDAL_DTYPE))
    for degraded in (shallow, none):
        pedal = audit_pair(playing, degraded, PERFORMANCE).traces["pedal"]
        assert pedal.changed > 0.9 * len(playing.notes)
        assert (pedal.seen_share, pedal.survival) == (1, 1)
        pedal = audit_pair(playing, degraded, OCTUPLE).traces["pedal"]
        assert (pedal.seen_share, pedal.survival) == (0, 0)


def test_a_tokeniser_that_loses_notes_is_caught(playing: Performance, recipe: TieredRecipe) -> None:
    truncating = replace(OCTUPLE, encode=lambda performance: OCTUPLE.encode(performance)[:1000])
    assert notes_lost(playing, truncating) == len(playing.notes) - 1000
    audit = audit_pair(playing, playing, truncating)
    assert audit.notes_lost == 2 * (len(playing.notes) - 1000)
    for row in audit_tokeniser({"a": playing}, recipe, truncating, seed=1):
        assert row.notes_lost == audit.notes_lost
        assert (row.aspect, row.seen_share, row.survival) == (None, None, None)


@pytest.fixture(scope="module")
def windows(perform_at_random: Performances) -> dict[str, Performance]:
    return {f"w{i}": perform_at_random(i, notes=150, duration_s=10.0) for i in range(4)}


def test_a_row_for_each_operation_of_each_tier(
    windows: dict[str, Performance], recipe: TieredRecipe
) -> None:
    rows = {
        name: audit_tokeniser(windows, recipe, tokeniser, seed=7)
        for name, tokeniser in TOKENISERS.items()
    }
    lines = [
        (row.tier, row.operation, row.strength, row.unit, row.aspect) for row in rows["octuple"]
    ]
    assert lines == [
        ("good", "onset_jitter", 10, "ms", "onset"),
        ("moderate", "onset_jitter", 30, "ms", "onset"),
        ("moderate", "wrong_notes", 2, "%", "pitch"),
        ("moderate", "dynamics_compression", 30, "%", "velocity"),
        ("poor", "onset_jitter", 60, "ms", "onset"),
        ("poor", "wrong_notes", 5, "%", "pitch"),
        ("poor", "dynamics_compression", 50, "%", "velocity"),
    ]
    for performance_row, octuple_row in zip(rows["performance"], rows["octuple"], strict=True):
        assert performance_row.changed_notes == octuple_row.changed_notes, "the same damage"
        assert performance_row.survival == pytest.approx(1, abs=1e-9)
        assert performance_row.notes_lost == octuple_row.notes_lost == 0
        assert octuple_row.survival is not None
        lossless = octuple_row.aspect == "pitch"
        assert (octuple_row.survival == 1) == lossless


def test_a_row_does_not_depend_on_the_order_of_the_performances(
    windows: dict[str, Performance], recipe: TieredRecipe
) -> None:
    backwards = dict(reversed(windows.items()))
    once = audit_tokeniser(windows, recipe, OCTUPLE, seed=7)
    assert audit_tokeniser(backwards, recipe, OCTUPLE, seed=7) == once
    assert audit_tokeniser(windows, recipe, OCTUPLE, seed=8) != once


def test_each_performance_has_its_own_damage(
    windows: dict[str, Performance], recipe: TieredRecipe
) -> None:
    once, again = (audit_tokeniser({k: windows["w0"]}, recipe, OCTUPLE, seed=7) for k in "ab")
    assert [row.survival for row in once] != [row.survival for row in again]


def test_an_operation_that_changes_nothing_has_no_survival(recipe: TieredRecipe) -> None:
    silence = Performance(
        notes=np.zeros(0, NOTE_DTYPE), pedal=np.zeros(0, PEDAL_DTYPE), duration_s=10.0
    )
    for row in audit_tokeniser({"silence": silence}, recipe, PERFORMANCE, seed=1):
        assert (row.aspect, row.changed_notes, row.seen_share) == (None, 0, None)
        assert (row.survival, row.notes_lost) == (None, 0)


@pytest.mark.real_data
def test_real_onsets_keep_their_positions_as_was_measured(
    real_data: Path, recipe: TieredRecipe
) -> None:
    windows = {}
    for path in sorted((real_data / "maestro-v3.0.0" / "2018").glob("*.midi"))[::40]:
        performance = read_midi(path.read_bytes(), path.name)
        for start_s in range(0, int(performance.duration_s) - 10, 30):
            windows[f"{path.name} {start_s}"] = cut_window(performance, start_s, 10.0)
    rows = audit_tokeniser(windows, recipe, OCTUPLE, seed=1)
    kept = {row.strength: 1 - (row.seen_share or 0) for row in rows if row.aspect == "onset"}
    assert kept == pytest.approx(KEPT, abs=0.02)
    assert not any(row.notes_lost for row in rows)
