"""Sound and notes meet on one time grid: a known delay comes out of the real encoders."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, Performance
from degradation.waveform import Waveform
from models.config.experiment import ExperimentConfig
from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.diagnostics.watch import FusionWatch
from models.inputs.batch import Batch, Example, collate
from models.inputs.feature_reader import Features
from models.inputs.feature_writer import note_features
from models.inputs.log_mel import log_mel
from models.networks.network import GradingNetwork

RATE_HZ, CLIP_S, CLIPS = 16_000, 10.0, 24
STEP_S, TONE_S = 0.1, 0.045
NETWORKS = 5


@dataclass(frozen=True)
class Clip:
    notes: Performance
    sound: Waveform


def play(rng: np.random.Generator, late_s: float) -> Clip:
    """Six notes a second, as MIDI and as short tones that come `late_s` after it.

    Each sounds around the midst of what a step's frames see: a convolution spreads what lies
    beside it unevenly over the steps before and after.
    """
    count = 60
    notes = np.zeros(count, NOTE_DTYPE)
    notes["note_id"] = np.arange(count)
    notes["onset_s"] = np.sort(rng.integers(0, 90, count)) * STEP_S + 0.003
    notes["offset_s"] = notes["onset_s"] + 0.08
    notes["pitch"] = rng.permutation(np.arange(30, 90))
    notes["velocity"] = rng.integers(40, 100, count)
    time_s = np.arange(round(CLIP_S * RATE_HZ)) / RATE_HZ
    samples = 0.001 * rng.standard_normal(len(time_s))
    for note in notes:
        first = int((note["onset_s"] + late_s) * RATE_HZ)
        heard = slice(first, first + round(TONE_S * RATE_HZ) + 2)
        age_s = time_s[heard] - note["onset_s"] - late_s
        hz = 440 * 2 ** ((int(note["pitch"]) - 69) / 12)
        swell = np.sin(np.pi * age_s / TONE_S) ** 2 * ((age_s >= 0) & (age_s < TONE_S))
        samples[heard] += note["velocity"] / 2000 * np.sin(2 * np.pi * hz * age_s) * swell
    playing = Performance(notes=notes, pedal=np.zeros(0, PEDAL_DTYPE), duration_s=CLIP_S)
    sound = Waveform(samples=samples.astype(np.float32), sample_rate_hz=RATE_HZ)
    return Clip(notes=playing, sound=sound)


def diagnosed(config: ExperimentConfig, late_steps: int) -> list[FusionDiagnostics]:
    """What the watch says of new networks that hear clips with a known delay."""
    rng = np.random.default_rng(3)
    clips = [play(rng, late_steps * STEP_S) for _ in range(CLIPS)]
    examples = [
        Example(
            features=Features(
                sample_id=f"clip {number}",
                duration_s=CLIP_S,
                audio=log_mel(clip.sound, config.audio_features),
                notes=note_features(clip.notes, "performance"),
            ),
            scores=np.full(8, 75, np.float32),
        )
        for number, clip in enumerate(clips)
    ]
    config = config.model_copy(update={"hearing": None})
    batch = collate(examples, config)
    return [watched(config, batch, seed) for seed in range(NETWORKS)]


def watched(config: ExperimentConfig, batch: Batch, seed: int) -> FusionDiagnostics:
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        grades = GradingNetwork("concat", config).eval()(batch)
    watch = FusionWatch()
    watch.add(
        sample_ids=batch.sample_ids,
        fused=grades.fused,
        pooled=grades.pooled,
        audio_steps=grades.audio_steps,
        midi_steps=grades.midi_steps,
        mask=grades.mask,
    )
    return watch.result()


@pytest.mark.parametrize("late_steps", [0, 3, 6])
def test_a_known_delay_of_the_sound_is_found(
    demo_config: ExperimentConfig, late_steps: int
) -> None:
    assert demo_config.grid_rate_hz == round(1 / STEP_S)
    found = diagnosed(demo_config, late_steps)
    # A note tells of its neighbours, too: by chance a network may hear the next one best.
    assert np.median([one.shift_steps for one in found]) == late_steps
    assert all(one.shift_cka is not None and one.shift_cka > 0.02 for one in found)
