"""The beat is followed, and flattened phrasing takes away its slow course alone."""

from collections.abc import Callable

import numpy as np
import pytest

from degradation.edits import apply_edits
from degradation.notes import Performance, cut_window
from degradation.phrasing import (
    FlattenedPhrasing,
    follow_beat,
    local_means,
    loudness_shape,
    tempo_shape,
)
from degradation.seeds import stream
from tools.demo_corpus.notation import parse_piece
from tools.demo_corpus.pianist import draw_pianists
from tools.demo_corpus.pieces import PIECES
from tools.demo_corpus.play import play
from tools.demo_corpus.tempo import draw_tempo

RHYTHM = np.array([1, 1, 0.5, 0.5, 1, 0.5, 0.5, 2] * 4)


def test_an_even_pulse_is_even_whatever_the_rhythm() -> None:
    pulse = follow_beat(np.concatenate([[0.0], np.cumsum(0.4 * RHYTHM)]))
    assert len(pulse) == len(RHYTHM)
    assert np.ptp(pulse) == 0


@pytest.mark.parametrize("final_ratio", [0.6, 1.0, 1.5])
def test_a_pulse_that_changes_slowly_is_followed_through_the_rhythm(final_ratio: float) -> None:
    true = np.log(final_ratio) * np.linspace(0, 1, len(RHYTHM))
    jitter = stream(0, "pulse").normal(0, 0.02, len(RHYTHM))
    interval_s = 0.4 * RHYTHM * np.exp(true + jitter)
    found = follow_beat(np.concatenate([[0.0], np.cumsum(interval_s)]))
    assert found - found.mean() == pytest.approx(true - true.mean(), abs=0.1)


def test_one_interval_that_fits_no_rhythm_does_not_lead_astray() -> None:
    interval_s = 0.4 * RHYTHM
    interval_s[12] *= 1.37
    assert np.ptp(follow_beat(np.concatenate([[0.0], np.cumsum(interval_s)]))) < 0.1


Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]


def even_interval_s(found: Performance) -> np.ndarray:
    return np.diff(found.notes["onset_s"])


@pytest.fixture
def phrase(assemble: Assemble) -> Performance:
    """A line that swells and hurries, then fades and slows; every other note is accented."""
    at = np.linspace(0, 1, 60)
    interval_s = 0.15 * (1 - 0.4 * np.sin(np.pi * at))
    onset_s = 0.2 + np.cumsum(interval_s) * 9 / interval_s.sum()
    velocity = 50 + 40 * np.sin(np.pi * at) + 6 * (np.arange(60) % 2)
    return assemble(
        [
            (onset, onset + 0.1, 60 + n % 5, round(loud))
            for n, (onset, loud) in enumerate(zip(onset_s, velocity, strict=True))
        ]
    )


def flattened(clean: Performance, share: float) -> Performance:
    return apply_edits(clean, FlattenedPhrasing(share=share).draw(clean, stream(0, "flat")))


def swell(found: Performance, clean: Performance) -> np.ndarray:
    return loudness_shape(found.notes["velocity"].astype(float), clean.notes["onset_s"])


@pytest.mark.parametrize("share", [0.12, 0.48, 0.96])
def test_that_share_of_both_shapes_is_gone(phrase: Performance, share: float) -> None:
    flat = flattened(phrase, share)
    loud, tempo = swell(phrase, phrase), np.log(even_interval_s(phrase))
    loud_after, tempo_after = swell(flat, phrase), np.log(even_interval_s(flat))
    for before, after in ((loud, loud_after), (tempo, tempo_after)):
        kept = np.polyfit(before, after, 1)[0]
        assert kept == pytest.approx(1 - share, abs=0.12)


@pytest.mark.real_data
def test_that_share_of_the_loudness_is_gone_in_real_windows(
    maestro_windows: list[Performance],
) -> None:
    kept = []
    for clean in maestro_windows:
        before, after = swell(clean, clean), swell(flattened(clean, 0.48), clean)
        if before.std() > 2:
            kept.append(np.polyfit(before, after, 1)[0])
    assert len(kept) > 60
    # A tenth of a shape that is short lived passes for detail, and stays.
    assert np.median(kept) == pytest.approx(0.52 + 0.05, abs=0.03)


def test_accents_are_kept(phrase: Performance) -> None:
    """The difference between neighbours is detail, however flat the phrase."""
    accent = np.diff(flattened(phrase, 1).notes["velocity"].astype(float))[::2]
    assert accent.mean() == pytest.approx(6, abs=0.7)


def test_rhythm_is_kept(assemble: Assemble) -> None:
    """Long and short notes of an even tempo are no shape of it."""
    rhythm = np.tile([0.2, 0.2, 0.4, 0.1, 0.1], 9)
    onset_s = np.concatenate([[0.1], 0.1 + np.cumsum(rhythm)])
    even = assemble([(onset, onset + 0.08, 60, 64) for onset in onset_s])
    assert np.abs(tempo_shape(even.notes)(onset_s)).max() < 1e-9
    assert np.array_equal(flattened(even, 1).notes, even.notes)


def test_twice_the_share_takes_twice_as_much(phrase: Performance) -> None:
    once, twice = (even_interval_s(flattened(phrase, share)) for share in (0.2, 0.4))
    clean = even_interval_s(phrase)
    moved = np.log(once / clean)
    assert np.log(twice / clean) == pytest.approx(2 * moved, abs=0.02)
    assert np.abs(moved).max() > 0.03


def test_pitch_and_the_order_of_notes_stay(compose: Compose) -> None:
    clean = compose(2)
    flat = flattened(clean, 1)
    before, after = (np.sort(p.notes, order="note_id") for p in (clean, flat))
    assert np.array_equal(before["pitch"], after["pitch"])
    assert (np.diff(after["onset_s"][np.argsort(before["onset_s"], kind="stable")]) >= 0).all()
    assert flat.duration_s == clean.duration_s


def test_a_phrase_without_shape_has_none_to_lose(phrase: Performance, assemble: Assemble) -> None:
    operation = FlattenedPhrasing(share=0.5)
    assert operation.can_apply(phrase)
    assert not operation.can_apply(flattened(phrase, 1))
    assert not operation.can_apply(assemble([(1.0, 2.0, 60, 20), (8.0, 9.0, 60, 120)]))


def test_the_tempo_of_the_demo_corpus_is_found_again() -> None:
    """Its tempo curves are known; here each is smoothed over the same windows of ten seconds."""
    matched = []
    for piece in PIECES:
        (pianist,) = draw_pianists(0, piece.title, 1)
        performance = play(piece, pianist, seed=0, rendition=1)
        notes = parse_piece(piece)
        last_q, end_q = max(n.onset_q for n in notes), max(n.end_q for n in notes)
        rng = stream(0, "play", piece.title, "1", "tempo")
        tempo = draw_tempo(piece, pianist, last_q, end_q, rng)
        for start_s in np.arange(0.0, performance.duration_s - 12, 5.0):
            window = cut_window(performance, float(start_s), 10.0).notes
            at_s = np.arange(window["onset_s"][0], window["onset_s"][-1], 0.1)
            position_q = np.interp(at_s + start_s, tempo.time_s, tempo.position_q)
            true = -np.log(np.gradient(position_q, at_s))
            slow = local_means(at_s, np.ones(len(at_s)), at_s, 1.0)(true)
            matched.append(np.corrcoef(tempo_shape(window)(at_s), slow)[0, 1])
    assert len(matched) > 60
    assert np.median(matched) > 0.9


def test_local_means_are_weighted_by_nearness() -> None:
    at_s, value = np.array([0.0, 1.0, 9.0]), np.array([0.0, 2.0, 7.0])
    weight = np.array([1.0, 3.0, 1.0])
    near = local_means(at_s, weight, np.array([0.5, 9.0, 500.0]), 0.5)
    assert near(value) == pytest.approx([1.5, 7.0, 7.0], abs=1e-6)
    assert local_means(at_s, weight, np.array([3.0]), 1e6)(value) == pytest.approx([13 / 5])
