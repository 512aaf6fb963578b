"""The laws that every operation keeps, whatever it does."""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest

from degradation.channel import Bandpass
from degradation.degrade import damage_notes, damage_sound
from degradation.dynamics import DynamicsCompression
from degradation.edits import Change, apply_edits
from degradation.hesitation import Hesitation
from degradation.noise import Noise
from degradation.notes import Performance, find_faults
from degradation.operation import NoteOperation, Parameters, SoundOperation
from degradation.pitch import WrongNotes
from degradation.recipe import NoteDamage, SoundDamage
from degradation.seeds import stream
from degradation.slips import Slips
from degradation.tempo import TempoDrift
from degradation.timing import ChordJitter, OnsetJitter
from degradation.waveform import Waveform

Compose = Callable[..., Performance]

STRONG: list[NoteOperation] = [
    OnsetJitter(spread_s=0.2),
    ChordJitter(spread_s=0.2, apart_share=0.4),
    TempoDrift(share=0.3, timescale_s=4),
    Hesitation(share=0.3, pause_share=2),
    WrongNotes(share=0.5, reach_semitones=12),
    Slips(share=0.3),
    DynamicsCompression(share=0.9),
]
"""Every operation on notes, at its strongest or near."""

MOVES_PEDAL = ("onset_jitter", "chord_jitter", "tempo_drift", "hesitation")
NOT_RANDOM = ("dynamics_compression",)
ZERO: list[NoteOperation] = [
    OnsetJitter(spread_s=0),
    ChordJitter(spread_s=0, apart_share=0.4),
    TempoDrift(share=0, timescale_s=4),
    Hesitation(share=0.3, pause_share=0),
    WrongNotes(share=0, reach_semitones=3),
    Slips(share=0),
    DynamicsCompression(share=0),
]
SOUND: list[SoundOperation] = [Noise(snr_db=10), Bandpass(low_hz=200, high_hz=6000, order=2)]


def name_of(operation: NoteOperation | SoundOperation) -> str:
    return operation.operation


def apply(operation: NoteOperation, performance: Performance, seed: int = 0) -> Performance:
    return apply_edits(performance, operation.draw(performance, stream(seed, operation.operation)))


def same_music(one: Performance, other: Performance) -> bool:
    return np.array_equal(one.notes, other.notes) and np.array_equal(one.pedal, other.pedal)


def noisy_tone(seed: int = 0) -> Waveform:
    samples = 0.1 * stream(seed, "tone").standard_normal(24_000, dtype=np.float32)
    return Waveform(samples=samples, sample_rate_hz=24_000)


@pytest.mark.parametrize("operation", ZERO, ids=name_of)
@pytest.mark.parametrize("seed", range(5))
def test_zero_strength_is_identity(operation: NoteOperation, seed: int, compose: Compose) -> None:
    clean = compose(seed)
    assert same_music(apply(operation, clean), clean)
    assert len(operation.draw(clean, stream(0, "x")).notes) == 0
    assert operation.strength[0] == 0


@pytest.mark.parametrize("operation", STRONG, ids=name_of)
@pytest.mark.parametrize("seed", range(20))
def test_the_output_is_sound_and_every_note_accounted_for(
    operation: NoteOperation, seed: int, compose: Compose
) -> None:
    clean = compose(seed)
    edits = operation.draw(clean, stream(seed, operation.operation))
    damaged = apply_edits(clean, edits)
    assert find_faults(damaged.notes, damaged.pedal, damaged.duration_s) == []
    of = {change: edits.notes["note_id"][edits.notes["change"] == change] for change in Change}
    expected = np.setdiff1d(clean.notes["note_id"], of[Change.MISSED])
    expected = np.append(expected, of[Change.EXTRA])
    assert sorted(damaged.notes["note_id"]) == sorted(expected)
    assert damaged.duration_s == clean.duration_s
    assert not np.array_equal(damaged.notes, clean.notes), "nothing was done"


@pytest.mark.parametrize("operation", STRONG, ids=name_of)
def test_same_stream_same_result_and_the_input_is_untouched(
    operation: NoteOperation, compose: Compose
) -> None:
    clean = compose(1)
    notes, pedal = clean.notes.copy(), clean.pedal.copy()
    first, again = apply(operation, clean, 3), apply(operation, clean, 3)
    assert same_music(first, again)
    assert np.array_equal(clean.notes, notes)
    assert np.array_equal(clean.pedal, pedal)
    if operation.operation not in NOT_RANDOM:
        assert not same_music(first, apply(operation, clean, 4))


@pytest.mark.parametrize("operation", STRONG, ids=name_of)
def test_music_without_notes_or_pedal_stays_as_it_is(
    operation: NoteOperation, assemble: Callable[..., Performance]
) -> None:
    silent = assemble([], [(1.0, 64, 127)])
    assert same_music(apply(operation, silent), silent)
    bare = assemble([(1.0, 2.0, 60, 64)])
    assert len(apply(operation, bare).pedal) == 0


@pytest.mark.parametrize(
    "operation", [op for op in STRONG if op.operation not in MOVES_PEDAL], ids=name_of
)
def test_what_is_no_timing_change_leaves_the_pedal_alone(
    operation: NoteOperation, compose: Compose
) -> None:
    clean = compose(2)
    assert operation.draw(clean, stream(0, "x")).pedal is None
    assert np.array_equal(apply(operation, clean).pedal, clean.pedal)


@pytest.mark.parametrize("operation", SOUND, ids=name_of)
def test_sound_keeps_its_length_and_rate_and_the_input_is_untouched(
    operation: SoundOperation,
) -> None:
    clean = noisy_tone()
    before = clean.samples.copy()
    first = operation.transform(clean, stream(1, "n"))
    again = operation.transform(clean, stream(1, "n"))
    assert np.array_equal(first.samples, again.samples)
    assert np.array_equal(clean.samples, before)
    assert len(first.samples) == len(clean.samples)
    assert first.sample_rate_hz == clean.sample_rate_hz
    assert not np.array_equal(first.samples, before), "nothing was done"


@pytest.mark.parametrize("operation", SOUND, ids=name_of)
def test_silence_stays_silent(operation: SoundOperation) -> None:
    silence = Waveform(samples=np.zeros(24_000, dtype=np.float32), sample_rate_hz=24_000)
    assert not operation.transform(silence, stream(1, "n")).samples.any()


def test_each_operation_draws_from_the_stream_of_its_own_name(compose: Compose) -> None:
    asked: list[str] = []

    def streams(name: str) -> np.random.Generator:
        asked.append(name)
        return stream(0, name)

    damage_notes(compose(0), STRONG, streams)
    damage_sound(noisy_tone(), SOUND, streams)
    assert asked == [operation.operation for operation in (*STRONG, *SOUND)]
    assert len(set(asked)) == len(asked)


def test_every_operation_of_a_recipe_keeps_these_laws() -> None:
    assert {type(operation) for operation in STRONG} == set(get_args(NoteDamage))
    assert {type(operation) for operation in ZERO} == set(get_args(NoteDamage))
    assert {type(operation) for operation in SOUND} == set(get_args(SoundDamage))
    names = [model.model_fields["operation"].default for model in get_args(NoteDamage)]
    assert names == [operation.operation for operation in STRONG]


@pytest.mark.parametrize("operation", STRONG, ids=name_of)
def test_what_an_operation_cannot_strike_stays_and_it_says_so(
    operation: NoteOperation, assemble: Callable[..., Performance], compose: Compose
) -> None:
    assert operation.can_strike(compose(0))
    silent = assemble([], [(1.0, 64, 127)])
    if not operation.can_strike(silent):
        assert same_music(apply(operation, silent), silent)


@pytest.mark.parametrize("operation", [*STRONG, *SOUND], ids=name_of)
def test_strength_is_a_number_with_its_unit(operation: NoteOperation | SoundOperation) -> None:
    assert (
        operation.strength
        == {
            "onset_jitter": (200.0, "ms"),
            "chord_jitter": (200.0, "ms"),
            "tempo_drift": (30.0, "%"),
            "hesitation": (200.0, "%"),
            "wrong_notes": (50.0, "%"),
            "slips": (30.0, "%"),
            "dynamics_compression": (90.0, "%"),
            "noise": (10.0, "dB SNR"),
            "bandpass": (5800.0, "Hz wide"),
        }[operation.operation]
    )


@pytest.mark.parametrize(
    ("kind", "sound", "field", "bad"),
    [
        (OnsetJitter, {"spread_s": 0.01}, "spread_s", [-0.01, 1.01, np.nan, np.inf]),
        (ChordJitter, {"spread_s": 0.01, "apart_share": 0.4}, "spread_s", [-0.01, 0.21, np.nan]),
        (ChordJitter, {"spread_s": 0.01, "apart_share": 0.4}, "apart_share", [-0.1, 1.1, np.nan]),
        (TempoDrift, {"share": 0.1, "timescale_s": 4}, "share", [-0.1, 0.31, np.nan]),
        (TempoDrift, {"share": 0.1, "timescale_s": 4}, "timescale_s", [0, 61, np.nan]),
        (Hesitation, {"share": 0.1, "pause_share": 1}, "share", [0, 1.1, np.nan]),
        (Hesitation, {"share": 0.1, "pause_share": 1}, "pause_share", [-0.1, 2.1, np.nan]),
        (Slips, {"share": 0.1}, "share", [-0.1, 0.31, np.nan]),
        (WrongNotes, {"share": 0.1, "reach_semitones": 3}, "share", [-0.1, 1.1, np.nan]),
        (WrongNotes, {"share": 0.1, "reach_semitones": 3}, "reach_semitones", [0, 13, 1.5]),
        (DynamicsCompression, {"share": 0.1}, "share", [-0.1, 1.1, np.nan]),
        (Noise, {"snr_db": 20}, "snr_db", [-21, 121, np.nan, np.inf]),
        (Bandpass, {"low_hz": 200, "high_hz": 6000, "order": 2}, "low_hz", [0, -1, 6000, np.nan]),
        (Bandpass, {"low_hz": 200, "high_hz": 6000, "order": 2}, "order", [0, 9]),
    ],
)
def test_parameters_are_refused_at_construction(
    kind: type[Parameters], sound: dict[str, float], field: str, bad: list[float]
) -> None:
    assert kind.model_validate(sound)
    for value in bad:
        with pytest.raises(ValueError, match=field):
            kind.model_validate(sound | {field: value})
    with pytest.raises(ValueError, match=f"unknown key strength; expected operation, .*{field}"):
        kind.model_validate(sound | {"strength": 1})
    with pytest.raises(ValueError, match="frozen"):
        setattr(kind.model_validate(sound), field, sound[field])
