"""The laws that every operation keeps, whatever it does."""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from annotated_types import Le

from degradation.articulation import Detached, UnevenArticulation
from degradation.degrade import damage_notes, damage_sound
from degradation.difficulty import DifficultySag
from degradation.dynamics import DynamicsCompression, VelocityRoughness, VoicingLoss
from degradation.edits import Change, apply_edits
from degradation.halting import CorrectedNotes, GoingBack, Halting, SlowPace
from degradation.hands import HandLag, HeavyHand, HeavyTouch
from degradation.linear import LinearOperation
from degradation.notes import Performance, find_faults
from degradation.operation import NoteOperation, Parameters, SoundOperation
from degradation.operations import NoteDamage, SoundDamage
from degradation.pedal import PedalBlur, PedalLag, PedalMissed, PedalUnused
from degradation.phrasing import FlattenedPhrasing
from degradation.room import Room
from degradation.seeds import stream
from degradation.sound_effects import Bandpass, ColouredNoise, Equaliser, EqualiserBand, Gain, Noise
from degradation.timing import ChordJitter, Hesitation, OnsetJitter, TempoDrift, UnevenRuns
from degradation.waveform import Waveform
from degradation.wrong_notes import ChordNotesMissed, Slips, WrongNotes

Compose = Callable[..., Performance]

STRONG: list[NoteOperation] = [
    OnsetJitter(spread_s=0.2),
    ChordJitter(spread_s=0.2, apart_share=0.4),
    TempoDrift(share=0.3, timescale_s=4),
    Hesitation(share=0.3, pause_share=2),
    WrongNotes(share=0.5, reach_semitones=12),
    Slips(share=0.3),
    UnevenArticulation(spread_octaves=2),
    VelocityRoughness(spread_velocity=40),
    VoicingLoss(loss_velocity=40),
    DynamicsCompression(share=0.9),
    FlattenedPhrasing(share=1),
    PedalLag(lag_s=0.3),
    PedalMissed(share=0.8),
    PedalBlur(share=0.8),
    PedalUnused(share=0.8),
    SlowPace(share=1),
    Halting(share=0.3, stop_s=2),
    GoingBack(share=0.3, reach_chords=4),
    CorrectedNotes(share=0.3),
    ChordNotesMissed(share=0.8),
    DifficultySag(share=0.5),
    UnevenRuns(share=0.5),
    HandLag(lag_s=0.2),
    HeavyHand(louder_velocity=40),
    HeavyTouch(louder_velocity=40),
    Detached(share=0.8),
]
"""Every operation on notes, at its strongest or near."""

ZERO = [op.model_copy(update={op.STRENGTH[0]: 0.0}) for op in STRONG]
ON_PEDAL = ("pedal_lag", "pedal_missed", "pedal_blur", "pedal_unused")
MOVES_PEDAL = (
    *("onset_jitter", "chord_jitter", "tempo_drift", "hesitation", "flattened_phrasing"),
    *("slow_pace", "halting", "going_back", "corrected_notes", "difficulty_sag"),
    *ON_PEDAL,
)
NOT_RANDOM = (
    *("dynamics_compression", "pedal_lag", "difficulty_sag", "slow_pace"),
    *("heavy_hand", "heavy_touch", "detached"),
)
SOUND: list[SoundOperation] = [
    Noise(snr_db=10),
    Bandpass(low_hz=200, high_hz=6000, order=2),
    ColouredNoise(colour="pink", snr_db=10),
    Equaliser(bands=(EqualiserBand(shape="high_shelf", frequency_hz=3000, gain_db=-12, q=0.707),)),
    Gain(gain_db=-12),
    Room(
        name="hall",
        size_m=(8, 6, 4),
        piano_m=(2, 2, 1),
        microphone_m=(6, 4, 2),
        absorption=0.25,
        reflections=10,
    ),
]


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
    expected = np.setdiff1d(clean.notes["note_id"], np.append(of[Change.MISSED], of[Change.CUT]))
    expected = np.append(expected, of[Change.EXTRA])
    assert sorted(damaged.notes["note_id"]) == sorted(expected)
    assert damaged.duration_s == clean.duration_s
    assert not same_music(damaged, clean) or not operation.can_apply(clean), "nothing was done"
    if operation.operation in ON_PEDAL:
        assert len(edits.notes) == 0


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
    if operation.operation in NOT_RANDOM:
        assert same_music(first, apply(operation, clean, 4))
    else:
        assert not same_music(first, apply(operation, clean, 4))


@pytest.mark.parametrize("operation", STRONG, ids=name_of)
def test_music_without_notes_or_pedal_stays_as_it_is(
    operation: NoteOperation, assemble: Callable[..., Performance]
) -> None:
    silent = assemble([], [(1.0, 67, 127)])
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
    random = [*STRONG, *(each for each in SOUND if not isinstance(each, LinearOperation))]
    assert asked == [operation.operation for operation in random]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("kind", get_args(NoteDamage))
def test_every_number_says_how_large_it_may_be(kind: type[Parameters]) -> None:
    """A recipe that scales numbers with a severity must know where to stop."""
    for name, field in kind.model_fields.items():
        if name != "operation":
            assert any(isinstance(bound, Le) for bound in field.metadata), name


def test_every_operation_of_a_recipe_keeps_these_laws() -> None:
    assert {type(operation) for operation in STRONG} == set(get_args(NoteDamage))
    assert {type(operation) for operation in SOUND} == set(get_args(SoundDamage))
    names = [model.model_fields["operation"].default for model in get_args(NoteDamage)]
    assert names == [operation.operation for operation in STRONG]


@pytest.mark.parametrize("operation", STRONG, ids=name_of)
def test_what_an_operation_cannot_strike_stays_and_it_says_so(
    operation: NoteOperation, assemble: Callable[..., Performance], compose: Compose
) -> None:
    # Random music has no runs.
    assert operation.can_apply(compose(0)) or isinstance(operation, UnevenRuns)
    silent = assemble([], [(1.0, 64, 127)])
    if not operation.can_apply(silent):
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
            "uneven_articulation": (2.0, "octaves"),
            "velocity_roughness": (40.0, "MIDI velocity"),
            "voicing_loss": (40.0, "MIDI velocity"),
            "flattened_phrasing": (100.0, "%"),
            "pedal_lag": (300.0, "ms"),
            "pedal_missed": (80.0, "%"),
            "pedal_blur": (80.0, "%"),
            "dynamics_compression": (90.0, "%"),
            "pedal_unused": (80.0, "%"),
            "slow_pace": (100.0, "%"),
            "halting": (2000.0, "ms"),
            "going_back": (30.0, "%"),
            "corrected_notes": (30.0, "%"),
            "chord_notes_missed": (80.0, "%"),
            "difficulty_sag": (50.0, "%"),
            "uneven_runs": (50.0, "%"),
            "hand_lag": (200.0, "ms"),
            "heavy_hand": (40.0, "MIDI velocity"),
            "heavy_touch": (40.0, "MIDI velocity"),
            "detached": (80.0, "%"),
            "noise": (10.0, "dB SNR"),
            "bandpass": (5800.0, "Hz wide"),
            "coloured_noise": (10.0, "dB SNR"),
            "equaliser": (-12.0, "dB"),
            "gain": (-12.0, "dB"),
            "room": (75.0, "% reflected"),
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
        (UnevenArticulation, {"spread_octaves": 1}, "spread_octaves", [-0.1, 2.1, np.nan]),
        (VelocityRoughness, {"spread_velocity": 1}, "spread_velocity", [-1, 41, np.nan]),
        (VoicingLoss, {"loss_velocity": 1}, "loss_velocity", [-1, 41, np.nan]),
        (FlattenedPhrasing, {"share": 0.1}, "share", [-0.1, 1.1, np.nan]),
        (PedalLag, {"lag_s": 0.1}, "lag_s", [-0.1, 0.31, np.nan]),
        (PedalMissed, {"share": 0.1}, "share", [-0.1, 1.1, np.nan]),
        (PedalBlur, {"share": 0.1}, "share", [-0.1, 1.1, np.nan]),
        (DynamicsCompression, {"share": 0.1}, "share", [-0.1, 1.1, np.nan]),
        (PedalUnused, {"share": 0.1}, "share", [-0.1, 1.1, np.nan]),
        (Halting, {"share": 0.1, "stop_s": 1}, "share", [0, 0.51, np.nan]),
        (Halting, {"share": 0.1, "stop_s": 1}, "stop_s", [-0.1, 4.1, np.nan]),
        (GoingBack, {"share": 0.1, "reach_chords": 4}, "reach_chords", [0, 17, 1.5]),
        (CorrectedNotes, {"share": 0.1}, "share", [-0.1, 0.31, np.nan]),
        (ChordNotesMissed, {"share": 0.1}, "share", [-0.1, 1.1, np.nan]),
        (DifficultySag, {"share": 0.1}, "share", [-0.1, 0.61, np.nan]),
        (UnevenRuns, {"share": 0.1}, "share", [-0.1, 0.61, np.nan]),
        (HandLag, {"lag_s": 0.1}, "lag_s", [-0.1, 0.31, np.nan]),
        (HeavyHand, {"louder_velocity": 1}, "louder_velocity", [-1, 61, np.nan]),
        (HeavyTouch, {"louder_velocity": 1}, "louder_velocity", [-1, 61, np.nan]),
        (Detached, {"share": 0.1}, "share", [-0.1, 0.91, np.nan]),
        (Noise, {"snr_db": 20}, "snr_db", [-21, 121, np.nan, np.inf]),
        (Bandpass, {"low_hz": 200, "high_hz": 6000, "order": 2}, "low_hz", [0, -1, 6000, np.nan]),
        (Bandpass, {"low_hz": 200, "high_hz": 6000, "order": 2}, "order", [0, 9]),
        (ColouredNoise, {"colour": "pink", "snr_db": 20}, "snr_db", [-21, 121, np.nan]),
        (Gain, {"gain_db": 3}, "gain_db", [-61, 61, np.nan]),
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
