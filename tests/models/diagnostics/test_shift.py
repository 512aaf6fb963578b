"""A known shift between the two sides of a clip is found, through the whole watch."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.diagnostics.watch import LARGEST_SHIFT_STEPS, FusionWatch
from models.networks.aggregation import Pooled

CLIPS, STEPS, WIDTH = 24, 100, 16
GRID_RATE_HZ, FRAMES_PER_STEP = 10, 2
LOWEST_PITCH, PITCHES, BANDS = 36, 48, 64
FLOOR_DB, DECAY_DB_PER_S = -60.0, 120.0

Notes = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]


def play(rng: np.random.Generator) -> Notes:
    """Onsets in seconds, pitches and levels in dB of about six notes a second."""
    onset_s = np.sort(rng.uniform(0, STEPS / GRID_RATE_HZ, 60))
    return onset_s, LOWEST_PITCH + rng.integers(0, PITCHES, 60), rng.uniform(-25, 0, 60)


def note_steps(notes: Notes, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean pitch embedding of the notes struck in each step: what the MIDI encoder starts from."""
    onset_s, pitch, _ = notes
    roll = np.zeros((STEPS, PITCHES))
    np.add.at(roll, ((onset_s * GRID_RATE_HZ).astype(int), pitch - LOWEST_PITCH), 1.0)
    return roll @ table / np.maximum(roll.sum(1, keepdims=True), 1)


def energy_db(notes: Notes, late_steps: int) -> NDArray[np.float64]:
    """Frames of log energy in semitone-wide bands: four partials a note, decaying."""
    onset_s, pitch, level_db = notes
    rate_hz = GRID_RATE_HZ * FRAMES_PER_STEP
    frame_s = (np.arange(STEPS * FRAMES_PER_STEP) + 0.5) / rate_hz
    age_s = frame_s[:, None] - (onset_s + late_steps / GRID_RATE_HZ)
    power = np.zeros((len(frame_s), BANDS))
    for partial in range(1, 5):
        band = pitch - LOWEST_PITCH + round(12 * np.log2(partial))
        level = level_db - 6 * (partial - 1) - DECAY_DB_PER_S * age_s
        sounding = (age_s >= 0) & (band < BANDS)
        np.add.at(power.T, np.minimum(band, BANDS - 1), (10 ** (level / 10) * sounding).T)
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))


def heard_steps(notes: Notes, late_steps: int, feature: str) -> NDArray[np.float64]:
    """A mean over each step's frames of the energy, or of its rises (spectral flux)."""
    frames = energy_db(notes, late_steps)
    if feature == "flux":
        frames = np.maximum(np.diff(frames, axis=0, prepend=frames[:1]), 0)
    return frames.reshape(STEPS, FRAMES_PER_STEP, BANDS).mean(1)


def watched(
    late_steps: int, seed: int, *, feature: str = "flux", same_music: bool = True
) -> FusionDiagnostics:
    """What the watch says of clips whose audio comes `late_steps` after their MIDI.

    Each side goes through a random linear map and gets noise of its own.
    """
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(PITCHES, 32))
    audio_map, midi_map = rng.normal(size=(BANDS, WIDTH)), rng.normal(size=(32, WIDTH))
    audio, midi = [], []
    for _ in range(CLIPS):
        notes = play(rng)
        midi.append(note_steps(notes, table) @ midi_map)
        heard = notes if same_music else play(rng)
        audio.append(heard_steps(heard, late_steps, feature) @ audio_map)
    sides = []
    for side in (np.stack(audio), np.stack(midi)):
        noisy = side / side.std() + 0.3 * rng.normal(size=side.shape)
        sides.append(torch.from_numpy(noisy.astype(np.float32)))
    mask = torch.ones(CLIPS, STEPS, dtype=torch.bool)
    watch = FusionWatch()
    watch.add(
        sample_ids=[f"clip {number}" for number in range(CLIPS)],
        fused=None,
        pooled=Pooled(
            vector=torch.zeros(CLIPS, 1), weight=torch.full((CLIPS, STEPS, 1), 1 / STEPS)
        ),
        audio_steps=sides[0],
        midi_steps=sides[1],
        mask=mask,
    )
    return watch.result()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("late_steps", [-7, -1, 0, 1, 4, LARGEST_SHIFT_STEPS])
def test_a_known_shift_is_found(late_steps: int, seed: int) -> None:
    found = watched(late_steps, seed)
    assert found.shift_steps == late_steps
    assert found.shift_cka is not None
    assert found.shift_cka > 0.05


@pytest.mark.parametrize("late_steps", [-7, 0, 4])
def test_sound_that_goes_on_is_a_step_late_and_moves_with_the_shift(late_steps: int) -> None:
    assert watched(late_steps, seed=0, feature="energy").shift_steps == late_steps + 1


def test_clips_of_other_music_are_alike_at_no_shift() -> None:
    found = watched(0, seed=0, same_music=False)
    assert found.shift_cka is not None
    assert found.shift_cka < 0.02


def test_cka_without_a_shift_falls_when_the_sides_part() -> None:
    together, apart = watched(0, seed=1).cka, watched(2, seed=1).cka
    assert together is not None
    assert apart is not None
    assert apart < together / 5
