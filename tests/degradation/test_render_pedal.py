"""The pedals, measured in the sound: how long notes ring by depth, and what catches them."""

from collections.abc import Callable

import numpy as np
import pytest

from degradation.edits import apply_edits
from degradation.factored import FactoredRecipe
from degradation.notes import DAMPED_TO, PEDAL_DOWN_FROM, SOSTENUTO, SUSTAIN, Performance
from degradation.pedal import PedalBlur, PedalUnused
from degradation.render import Instrument, render
from degradation.seeds import stream
from degradation.tiered import TieredRecipe

Assemble = Callable[..., Performance]

SHORT = [(0.0, 0.3, 60, 100)]
"""A key that is let go after 0.3 s."""

PRESSED, LIFTED = 0.1, 1.0
"""When the pedal is pressed under `SHORT`, and lifted again, in s."""

FOR_S = 0.2
"""How long a lift lasts."""

DEPTHS = (0, DAMPED_TO, 30, 42, 55, PEDAL_DOWN_FROM)
RINGS_DB = {
    "FluidR3Mono_GM.sf3": (-82, -82, -40, -19, -10, -6),
    "MuseScore_General_Lite.sf3": (-57, -57, -28, -13, -7, -2),
    "TimGM6mb.sf2": (-52, -52, -28, -15, -10, -10),
}
"""Level of C4 half a second after its key is released against just before, with CC64 at `DEPTHS`;
the table of docs/architecture.md."""


@pytest.fixture(scope="module")
def phase2_piano(phase2: TieredRecipe) -> Instrument:
    return phase2.instrument


@pytest.fixture(scope="module")
def pianos(factored: FactoredRecipe) -> tuple[Instrument, ...]:
    """The instruments of recipe `factored` that are installed."""
    return factored.instruments


def level_db(performance: Performance, piano: Instrument, from_s: float, to_s: float) -> float:
    part = render(performance, piano).samples[round(from_s * 24_000) : round(to_s * 24_000)]
    return 10 * float(np.log10(np.mean(np.square(part, dtype=np.float64)) + 1e-18))


def lifted_to(assemble: Assemble, value: int) -> Performance:
    pedal = [(PRESSED, 127), (LIFTED, value), (LIFTED + FOR_S, 127)]
    return assemble(SHORT, [(at_s, SUSTAIN, to) for at_s, to in pedal], duration_s=2.0)


@pytest.mark.parametrize("value", [64, 127])
def test_the_sustain_pedal_lengthens_a_note_until_it_is_lifted(
    assemble: Assemble, phase2_piano: Instrument, value: int
) -> None:
    pedal = [(0.1, SUSTAIN, value), (2.0, SUSTAIN, 0)]
    dry, held = (assemble(SHORT, moves, duration_s=3.0) for moves in ([], pedal))
    rings_db = level_db(held, phase2_piano, 1.5, 2.0)
    assert rings_db > level_db(dry, phase2_piano, 1.5, 2.0) + 30
    assert level_db(held, phase2_piano, 2.9, 3.0) < rings_db - 20


def test_a_pedal_carried_in_holds_from_the_start(
    assemble: Assemble, phase2_piano: Instrument
) -> None:
    dry, held = (assemble(SHORT, p, duration_s=2.0) for p in ([], [(0.0, SUSTAIN, 127)]))
    dry_db, held_db = (level_db(one, phase2_piano, 1.5, 2.0) for one in (dry, held))
    assert held_db > dry_db + 30


def test_the_sostenuto_pedal_holds_what_is_down_and_not_what_comes(
    assemble: Assemble, phase2_piano: Instrument
) -> None:
    pedal = [(0.2, SOSTENUTO, 127)]
    before, after = [(0.0, 0.4, 60, 100)], [(0.5, 0.9, 60, 100)]
    held, dry = (assemble(notes, pedal, duration_s=3.0) for notes in (before, after))
    held_db = level_db(held, phase2_piano, 2.0, 2.5)
    assert held_db > level_db(dry, phase2_piano, 2.5, 3.0) + 20


def test_the_deeper_the_pedal_the_longer_a_note_rings(
    assemble: Assemble, pianos: tuple[Instrument, ...]
) -> None:
    for piano in pianos:
        faded_db = []
        for value in DEPTHS:
            one = assemble([(0.0, 1.0, 60, 80)], [(0.0, SUSTAIN, value)], duration_s=2.0)
            faded_db.append(level_db(one, piano, 1.45, 1.55) - level_db(one, piano, 0.9, 1.0))
        assert faded_db[0] == faded_db[1], "the dampers rest on the strings"
        assert faded_db == sorted(faded_db)
        assert faded_db == pytest.approx(RINGS_DB[piano.soundfont], abs=1)


def test_a_note_that_fades_is_caught_by_the_pedal(
    assemble: Assemble, pianos: tuple[Instrument, ...]
) -> None:
    for piano in pianos:
        caught, free = (
            level_db(assemble(SHORT, pedal, duration_s=2.0), piano, 1.0, 1.5)
            for pedal in ([(0.4, SUSTAIN, 127)], [])
        )
        assert caught > free + 30


def test_a_half_lift_damps_in_part(assemble: Assemble, pianos: tuple[Instrument, ...]) -> None:
    for piano in pianos:
        whole, half, none = (
            level_db(lifted_to(assemble, value), piano, LIFTED + FOR_S, LIFTED + FOR_S + 0.2)
            for value in (0, 42, 127)
        )
        assert whole + 3 < half < none - 1


def test_a_half_pedal_at_the_end_does_not_reach_the_next_piece(
    assemble: Assemble, pianos: tuple[Instrument, ...]
) -> None:
    dry = assemble(SHORT, duration_s=1.0)
    for piano in pianos:
        before = render(dry, piano).samples
        render(assemble(SHORT, [(0.0, SUSTAIN, 63)], duration_s=0.5), piano)
        assert np.array_equal(render(dry, piano).samples, before)


def test_a_blur_below_half_is_heard_the_more_the_shorter_it_falls(
    assemble: Assemble, pianos: tuple[Instrument, ...]
) -> None:
    clean = lifted_to(assemble, 4)
    blurs = (
        apply_edits(clean, PedalBlur(share=0.5).draw(clean, stream(seed, "blur")))
        for seed in range(12)
    )
    by_lowest = {int(blur.pedal["value"].min()): blur for blur in blurs}
    lowest = sorted(value for value in by_lowest if DAMPED_TO < value < PEDAL_DOWN_FROM)
    assert len(lowest) >= 3
    after = slice(round(24_000 * LIFTED), None)
    for piano in pianos:
        played = render(clean, piano).samples[after]
        differences = [
            float(np.std(render(by_lowest[value], piano).samples[after] - played))
            for value in lowest
        ]
        assert differences == sorted(differences)
        assert differences[-1] > 0.5 * np.std(played)


def test_a_press_left_out_sounds_as_no_pedal(
    assemble: Assemble, pianos: tuple[Instrument, ...]
) -> None:
    pressed = [(0.05, 30), (PRESSED, 90), (LIFTED, 50), (LIFTED + FOR_S, 0)]
    clean = assemble(SHORT, [(at_s, SUSTAIN, value) for at_s, value in pressed], duration_s=1.5)
    left = apply_edits(clean, PedalUnused(share=1).draw(clean, stream(0, "unused")))
    for piano in pianos:
        dry = render(assemble(SHORT, duration_s=1.5), piano).samples
        assert np.array_equal(render(left, piano).samples, dry)
