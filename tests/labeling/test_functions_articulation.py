"""Articulation: even joining is 0 in any rhythm, uneven joining is more."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from degradation.notes import Performance, release_before_restrike, snap
from degradation.seeds import stream
from labeling.functions.articulation import (
    FEW_FOLLOWED,
    MIDI_NOTE_DURATION_VARIANCE,
    duration_deviation,
)


def line(assemble, held: float, interval_s: float = 0.25) -> Performance:
    onsets_s = interval_s * np.arange(30)
    pitches = 60 + np.resize([0, 2, 4, 5, 7, 5, 4, 2], 30)
    notes = [
        (at_s, at_s + held * interval_s, int(pitch), 64)
        for at_s, pitch in zip(onsets_s, pitches, strict=True)
    ]
    return assemble(notes, duration_s=31 * interval_s)


def unevenly_held(performance: Performance, spread: float, seed: int) -> Performance:
    notes = performance.notes.copy()
    held_s = notes["offset_s"] - notes["onset_s"]
    held_s = held_s * np.exp(stream(seed, "held").normal(0, spread, len(notes)))
    notes["offset_s"] = snap(notes["onset_s"] + np.maximum(held_s, 1e-3))
    return replace(performance, notes=release_before_restrike(notes))


@pytest.mark.parametrize("held", [0.3, 0.9, 1.1])
def test_even_playing_does_not_vary_staccato_or_legato(held: float, assemble) -> None:
    assert duration_deviation(line(assemble, held), None) == pytest.approx(0, abs=0.01)


def test_legato_in_any_rhythm_is_no_variance_though_durations_differ(assemble) -> None:
    onsets_s = np.cumsum(np.resize([0.2, 0.2, 0.4, 0.6], 24))
    notes = [
        (onset_s, following_s, 60 + at % 7, 64)
        for at, (onset_s, following_s) in enumerate(itertools.pairwise(onsets_s))
    ]
    assert duration_deviation(assemble(notes), None) == pytest.approx(0, abs=0.01)


def test_variance_is_free_of_transposition_and_loudness(assemble, compose) -> None:
    uneven = unevenly_held(line(assemble, 0.8), 0.5, 1)
    notes = uneven.notes.copy()
    notes["pitch"] += 7
    notes["velocity"] = 30
    assert duration_deviation(replace(uneven, notes=notes), None) == pytest.approx(
        duration_deviation(uneven, None)
    )


def test_more_uneven_holding_scores_lower(compose) -> None:
    scores = [
        np.mean(
            [
                MIDI_NOTE_DURATION_VARIANCE(unevenly_held(compose(s), spread, s), None).score
                for s in range(10)
            ]
        )
        for spread in (0, 0.2, 0.4, 0.8)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] + 5


def test_notes_that_lead_nowhere_are_not_judged(assemble) -> None:
    far_apart = [(0.6 * at, 0.6 * at + 0.3, (30, 55, 80, 105)[at % 4], 64) for at in range(16)]
    assert duration_deviation(assemble(far_apart), None) == FEW_FOLLOWED


def test_the_value_is_the_spread_of_the_gaps_in_seconds(assemble) -> None:
    """Every other note is let go 0.1 s early: departures of 0 and -0.1 s in equal parts."""
    notes = [(0.3 * at, 0.3 * at + 0.3 - 0.1 * (at % 2), 60 + at % 5, 64) for at in range(31)]
    assert duration_deviation(assemble(notes), None) == pytest.approx(0.05, abs=1e-3)
