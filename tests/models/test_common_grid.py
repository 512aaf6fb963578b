"""Sound and notes meet on one time grid: a known delay comes out of the real encoders."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, Performance
from degradation.waveform import Waveform
from models.batch import Example, collate
from models.config.experiment import ExperimentConfig
from models.diagnostics import FusionDiagnostics, FusionWatch
from models.features import log_mel
from models.network import GradingNetwork
from models.parts import Features
from models.tokens.tokenisers import TOKENISERS

RATE_HZ, CLIP_S, CLIPS = 16_000, 10.0, 24
STEP_S, TONE_S = 0.1, 0.05


@dataclass(frozen=True)
class Clip:
    notes: Performance
    sound: Waveform


def play(rng: np.random.Generator, late_s: float) -> Clip:
    """Six notes a second, as MIDI and as short tones that come `late_s` after it.

    Each begins as a step does and is over before the step is: what rang on would be as loud in
    the step after its onset, and audio would be found a step late.
    """
    count = 60
    notes = np.zeros(count, NOTE_DTYPE)
    notes["note_id"] = np.arange(count)
    notes["onset_s"] = np.sort(rng.integers(0, 90, count)) * STEP_S + 0.02
    notes["offset_s"] = notes["onset_s"] + 0.08
    notes["pitch"] = rng.permutation(np.arange(30, 90))
    notes["velocity"] = rng.integers(40, 100, count)
    time_s = np.arange(round(CLIP_S * RATE_HZ)) / RATE_HZ
    samples = 0.001 * rng.standard_normal(len(time_s))
    for note in notes:
        age_s = time_s - note["onset_s"] - late_s
        hz = 440 * 2 ** ((int(note["pitch"]) - 69) / 12)
        swell = np.sin(np.pi * age_s / TONE_S) ** 2 * ((age_s >= 0) & (age_s < TONE_S))
        samples += note["velocity"] / 2000 * np.sin(2 * np.pi * hz * age_s) * swell
    playing = Performance(notes=notes, pedal=np.zeros(0, PEDAL_DTYPE), duration_s=CLIP_S)
    sound = Waveform(samples=samples.astype(np.float32), sample_rate_hz=RATE_HZ)
    return Clip(notes=playing, sound=sound)


def diagnosed(config: ExperimentConfig, late_steps: int) -> FusionDiagnostics:
    """What the watch says of a new network that hears clips with a known delay."""
    rng = np.random.default_rng(3)
    encode = TOKENISERS["performance"].encode
    clips = [play(rng, late_steps * STEP_S) for _ in range(CLIPS)]
    examples = [
        Example(
            features=Features(
                sample_id=f"clip {number}",
                duration_s=CLIP_S,
                audio=log_mel(clip.sound, config.audio_features),
                tokens=encode(clip.notes),
            ),
            scores=np.full(8, 75, np.float32),
        )
        for number, clip in enumerate(clips)
    ]
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(1)
        network = GradingNetwork("concat", config).eval()
        grades = network(collate(examples, config))
    watch = FusionWatch()
    watch.add(
        sample_ids=[example.features.sample_id for example in examples],
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
    assert found.shift_steps == late_steps
    assert found.shift_cka is not None
    assert found.shift_cka > 0.02
