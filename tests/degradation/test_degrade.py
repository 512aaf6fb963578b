from collections.abc import Callable

import numpy as np
import pytest

from degradation.degrade import CEILING, damage_notes, damage_sound, replay_notes
from degradation.draws import TieredDraw
from degradation.edits import apply_edits
from degradation.notes import Performance
from degradation.operation import NoteOperation
from degradation.recipe import TIERS
from degradation.seeds import stream
from degradation.sound_effects import Bandpass, Noise
from degradation.tiered import TieredRecipe
from degradation.timing import OnsetJitter
from degradation.waveform import Waveform, snr_db
from degradation.wrong_notes import WrongNotes

Compose = Callable[..., Performance]


def named(seed: int) -> Callable[[str], np.random.Generator]:
    return lambda name: stream(seed, name)


def noise_of(amplitude: float) -> Waveform:
    samples = stream(0, "sound").uniform(-amplitude, amplitude, 24_000).astype(np.float32)
    return Waveform(samples=samples, sample_rate_hz=24_000)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("seed", range(5))
def test_stored_edits_applied_again_give_the_same_performance(
    phase2: TieredRecipe, compose: Compose, tier: str, seed: int
) -> None:
    clean = compose(seed)
    draw = TieredDraw(recipe=phase2, segment_id="a", number=seed, tier=tier)
    damaged = damage_notes(clean, draw.damage.note_operations, draw.stream)
    replayed = replay_notes(clean, list(damaged.edits.values()))
    assert replayed.notes.tobytes() == damaged.performance.notes.tobytes()
    assert replayed.pedal.tobytes() == damaged.performance.pedal.tobytes()
    assert list(damaged.edits) == [op.operation for op in draw.damage.note_operations]


def test_pristine_notes_and_sound_are_the_clean_ones(
    phase2: TieredRecipe, compose: Compose
) -> None:
    clean, sound = compose(0), noise_of(0.5)
    draw = TieredDraw(recipe=phase2, segment_id="a", number=0, tier="pristine")
    assert damage_notes(clean, draw.damage.note_operations, draw.stream).performance is clean
    made = damage_sound(sound, draw.damage.sound_operations, draw.stream)
    assert made.waveform is sound
    assert (made.realised_snr_db, made.gain_db) == (None, 0.0)


def test_operations_apply_in_order_each_to_what_the_last_one_left(compose: Compose) -> None:
    clean = compose(1)
    operations: list[NoteOperation] = [
        OnsetJitter(spread_s=0.05),
        WrongNotes(share=0.5, reach_semitones=3),
    ]
    together = damage_notes(clean, operations, named(0))
    step = clean
    for operation in operations:
        step = apply_edits(step, operation.draw(step, stream(0, operation.operation)))
    assert np.array_equal(together.performance.notes, step.notes)


def test_the_measured_ratio_is_that_of_the_noise_alone() -> None:
    sound = noise_of(0.3)
    bandpass = Bandpass(low_hz=300, high_hz=3000, order=2)
    made = damage_sound(sound, [bandpass, Noise(snr_db=20)], named(0))
    heard = bandpass.transform(sound, stream(0, "bandpass"))
    assert made.realised_snr_db == pytest.approx(20, abs=0.01)
    assert snr_db(heard.samples, made.waveform.samples) == made.realised_snr_db


@pytest.mark.parametrize("peak", [0.5, 0.998, 1.0, 1.5, 40.0])
def test_what_would_clip_is_turned_down_and_no_other_sound(peak: float) -> None:
    samples = noise_of(1.0).samples * np.float32(peak)
    sound = Waveform(samples=samples, sample_rate_hz=24_000)
    made = damage_sound(sound, [], named(0))
    unclipped = np.abs(samples).max()
    if unclipped <= CEILING:
        assert made.waveform is sound
        assert made.gain_db == 0
    else:
        gain = np.float32(10 ** (made.gain_db / 20))
        assert made.gain_db < 0
        assert np.array_equal(made.waveform.samples, samples * gain)
        assert np.abs(made.waveform.samples).max() == pytest.approx(CEILING, abs=1e-6)


def test_turning_down_does_not_touch_the_ratio() -> None:
    loud = Waveform(samples=noise_of(1.0).samples * np.float32(9), sample_rate_hz=24_000)
    made = damage_sound(loud, [Noise(snr_db=20)], named(0))
    turned_down = loud.samples * np.float32(10 ** (made.gain_db / 20))
    assert snr_db(turned_down, made.waveform.samples) == pytest.approx(20, abs=0.01)
