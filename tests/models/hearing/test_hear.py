"""What a detector that hears everything says is what was played."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, PIANO_PITCHES, SUSTAIN, Performance
from degradation.waveform import Waveform
from models.config.hearing import DetectorConfig
from models.hearing.detector import HARMONICS, KEYS, NoteDetector, harmonic_bands
from models.hearing.hear import PEDAL_STEPS, decode, hear
from models.hearing.spectrum import BANDS, FRAME_RATE_HZ, LOWEST_HZ, frame_count
from models.hearing.targets import FULL, detector_targets

Perform = Callable[..., Performance]


def heard_perfectly(played: Performance) -> Performance:
    targets = detector_targets(played, frame_count(played.duration_s))
    return decode(
        targets.onset, targets.sounding, targets.velocity, targets.pedal,
        duration_s=played.duration_s,
    )  # fmt: skip


def spaced(played: Performance, apart_s: float) -> Performance:
    """The notes whose key was not struck within `apart_s` before or after: triangles overlap."""
    notes = played.notes
    lonely = [
        (
            np.abs(notes["onset_s"][notes["pitch"] == note["pitch"]] - note["onset_s"]) < apart_s
        ).sum()
        == 1
        for note in notes
    ]
    return Performance(notes=notes[lonely], pedal=played.pedal, duration_s=played.duration_s)


def test_every_note_is_decoded_from_its_targets(perform_at_random: Perform) -> None:
    """Onsets between frames to a millisecond, ends to a frame, velocities exactly."""
    played = spaced(perform_at_random(1, notes=150, duration_s=20.0), 0.12)
    assert len(played.notes) > 100
    heard = heard_perfectly(played)
    order = [np.lexsort((one.notes["onset_s"], one.notes["pitch"])) for one in (played, heard)]
    true, found = played.notes[order[0]], heard.notes[order[1]]
    np.testing.assert_array_equal(found["pitch"], true["pitch"])
    np.testing.assert_allclose(found["onset_s"], true["onset_s"], atol=1e-3)
    np.testing.assert_array_equal(found["velocity"], true["velocity"])


@pytest.mark.parametrize("onset_s", [0.0, 0.004, 1.98])
def test_a_stroke_at_the_edge_is_heard_when_it_is(onset_s: float) -> None:
    notes = np.array([(0, onset_s, 1.999, 60, 64)], NOTE_DTYPE)
    played = Performance(notes=notes, pedal=np.zeros(0, PEDAL_DTYPE), duration_s=2.0)
    np.testing.assert_allclose(heard_perfectly(played).notes["onset_s"], [onset_s], atol=5e-3)


def test_a_note_ends_where_it_stops_sounding() -> None:
    notes = np.array([(0, 0.5, 0.8, 60, 64), (1, 1.0, 1.1, 60, 70)], NOTE_DTYPE)
    pedal = np.array([(0.6, SUSTAIN, 127), (0.9, SUSTAIN, 0)], PEDAL_DTYPE)
    heard = heard_perfectly(Performance(notes=notes, pedal=pedal, duration_s=2.0))
    np.testing.assert_allclose(heard.notes["offset_s"], [0.9, 1.1], atol=1 / FRAME_RATE_HZ)


def test_the_pedal_is_heard_to_a_step() -> None:
    pedal = np.array([(0.2, SUSTAIN, 40), (1.0, SUSTAIN, 127), (1.5, SUSTAIN, 0)], PEDAL_DTYPE)
    heard = heard_perfectly(
        Performance(notes=np.zeros(0, NOTE_DTYPE), pedal=pedal, duration_s=2.0)
    ).pedal
    np.testing.assert_allclose(heard["time_s"], pedal["time_s"], atol=1 / FRAME_RATE_HZ)
    np.testing.assert_allclose(
        heard["value"].astype(int), pedal["value"], atol=FULL / PEDAL_STEPS / 2 + 1
    )


@pytest.mark.parametrize("seed", range(20))
def test_whatever_a_detector_says_is_a_performance(seed: int) -> None:
    """Random shares give notes that a piano can play (`Performance` checks them)."""
    rng = np.random.default_rng(seed)
    frames = int(rng.integers(1, 80))
    keys = [rng.random((KEYS, frames), np.float32) for _ in range(3)]
    duration_s = frames / FRAME_RATE_HZ - rng.random() / FRAME_RATE_HZ * 0.9
    heard = decode(*keys, rng.random(frames, np.float32), duration_s=duration_s)
    assert heard.duration_s == duration_s
    assert (np.diff(heard.notes["onset_s"]) >= 0).all()


def test_clips_are_heard_one_by_one_whatever_their_length() -> None:
    torch.manual_seed(0)
    detector = NoteDetector(
        DetectorConfig(key_channels=2, context_width=4, context_blocks=1)
    ).eval()
    rng = np.random.default_rng(0)
    clips = [
        Waveform(samples=(0.1 * rng.standard_normal(n)).astype(np.float32), sample_rate_hz=24_000)
        for n in (24_000, 100, 50_001)
    ]
    heard = hear(clips, detector)
    assert [one.duration_s for one in heard] == [len(one.samples) / 24_000 for one in clips]
    for clip, one in zip(clips, heard, strict=True):
        (alone,) = hear([clip], detector)
        np.testing.assert_array_equal(alone.notes, one.notes)


def test_a_key_sees_the_bands_at_multiples_of_its_frequency() -> None:
    bands = harmonic_bands()
    assert bands.shape == (KEYS, 4 * len(HARMONICS))
    a4 = 69 - PIANO_PITCHES.start
    fine = bands[a4, 1::4]
    hz = LOWEST_HZ * 2 ** (fine[fine < BANDS].double() / 24)
    np.testing.assert_allclose(hz / 440, HARMONICS[: len(hz)], rtol=0.015)
    assert (harmonic_bands()[-1] == BANDS).any()
