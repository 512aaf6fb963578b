from collections.abc import Callable

import numpy as np
import pytest

from degradation.edits import Edits, apply_edits
from degradation.notes import SUSTAIN, Performance
from degradation.pedal import (
    PEDAL_DOWN_FROM,
    PedalBlur,
    PedalLag,
    PedalMissed,
    PedalUnused,
    find_lifts,
    find_presses,
    is_down,
    switches,
)
from degradation.seeds import stream

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]

NOTES = [(0.5 * n, 0.5 * n + 0.4, 60, 64) for n in range(19)]


@pytest.fixture
def legato(assemble: Assemble) -> Performance:
    """Twenty gradual pedal changes, half a second apart, down to 100 and up to 4."""
    change = ((0.0, 80), (0.02, 40), (0.05, 4), (0.1, 50), (0.14, 90), (0.2, 100))
    movements = [(0.0, SUSTAIN, 100), (0.0, 67, 30)]
    movements += [
        (0.2 + 0.48 * n + wait_s, SUSTAIN, value) for n in range(20) for wait_s, value in change
    ]
    return assemble(NOTES, movements)


def after(clean: Performance, edits: Edits) -> np.ndarray:
    return apply_edits(clean, edits).pedal


def heard_lifts(pedal: np.ndarray) -> int:
    down = pedal["value"][pedal["controller"] == SUSTAIN] >= PEDAL_DOWN_FROM
    return int(np.sum(down[:-1] & ~down[1:]))


def test_lifts_run_from_press_to_press(assemble: Assemble) -> None:
    found = find_lifts(
        assemble(
            [],
            [
                *((1.0, 64, 70), (1.1, 64, 110), (1.2, 67, 0), (2.0, 64, 80), (2.1, 64, 20)),
                *((2.2, 64, 63), (2.3, 64, 64), (2.4, 64, 90), (3.0, 64, 0), (4.5, 64, 120)),
            ],
        ).pedal
    )
    assert len(found) == 1, "the second time, the foot stays up for longer than a second"
    assert found[0].movements.tolist() == [1, 3, 4, 5, 6, 7]
    assert (found[0].held, found[0].lowest) == (90, 20)


def test_a_lift_needs_a_press_before_and_after(assemble: Assemble) -> None:
    for movements in ([], [(1, 64, 0), (2, 64, 100)], [(1, 64, 100), (2, 64, 0)], [(1, 66, 127)]):
        assert find_lifts(assemble([], movements).pedal) == []


def test_the_pedal_is_down_from_a_press_to_its_lift(assemble: Assemble) -> None:
    pedal = assemble([], [(1.0, 64, 64), (1.5, 67, 127), (2.0, 64, 63)]).pedal
    at_s = np.array([0.9, 1.0, 1.9, 2.0, 9.0])
    assert is_down(pedal, at_s).tolist() == [False, True, True, False, False]
    assert not is_down(pedal[:0], at_s).any()
    assert switches(pedal).tolist() == [0, 2]


def test_the_foot_is_late_by_what_was_asked_for(legato: Performance) -> None:
    edits = PedalLag(lag_s=0.044).draw(legato, stream(0, "lag"))
    late = after(legato, edits)
    assert len(edits.notes) == 0
    sustain, was = (pedal[pedal["controller"] == SUSTAIN] for pedal in (late, legato.pedal))
    assert np.array_equal(sustain["value"], was["value"])
    assert sustain["time_s"][1:] - was["time_s"][1:] == pytest.approx(0.044)
    assert sustain["time_s"][0] == 0, "a position carried in stays"
    other, other_was = (pedal[pedal["controller"] != SUSTAIN] for pedal in (late, legato.pedal))
    assert np.array_equal(other, other_was)


def test_what_would_be_late_beyond_the_window_is_done_at_its_end(assemble: Assemble) -> None:
    clean = assemble(NOTES, [(9.8, 64, 100), (9.85, 67, 1), (9.9, 64, 0), (9.95, 64, 90)])
    late = after(clean, PedalLag(lag_s=0.3).draw(clean, stream(0, "lag")))
    assert late["time_s"].tolist() == [9.85, 10.0, 10.0, 10.0]
    assert late["value"].tolist() == [1, 100, 0, 90]


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.8, 1.0])
def test_that_share_of_the_changes_is_missed(legato: Performance, share: float) -> None:
    for seed in range(5):
        edits = PedalMissed(share=share).draw(legato, stream(seed, "missed"))
        held = after(legato, edits)
        assert heard_lifts(held) == round(20 * (1 - share))
        assert len(edits.notes) == 0
        kept = ["time_s", "controller"]
        assert np.array_equal(held[kept], legato.pedal[kept])
        missed = held["value"] != legato.pedal["value"]
        assert set(held["value"][missed]) == {100}, "the foot stays as deep as it was"


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_that_share_of_the_changes_is_blurred_and_as_many_more_fall_short(
    legato: Performance, share: float
) -> None:
    for seed in range(5):
        edits = PedalBlur(share=share).draw(legato, stream(seed, "blur"))
        blurred = after(legato, edits)
        assert heard_lifts(blurred) == round(20 * (1 - share))
        lowest = [blurred["value"][lift.movements].min() for lift in find_lifts(legato.pedal)]
        short = np.array(lowest) > 4
        assert 2 * share * 20 - 2 <= short.sum() <= 2 * share * 20
        assert len(set(lowest)) > 0.7 * short.sum(), "each falls short by its own amount"


@pytest.mark.real_data
@pytest.mark.parametrize("kind", [PedalMissed, PedalBlur])
def test_changes_are_lost_as_asked_for_in_real_windows(
    maestro_windows: list[Performance], kind: type[PedalMissed] | type[PedalBlur]
) -> None:
    lost = lifts = 0
    for at, clean in enumerate(maestro_windows):
        damaged = after(clean, kind(share=0.4).draw(clean, stream(at, "pedal")))
        for lift in find_lifts(clean.pedal):
            lifts += 1
            lost += damaged["value"][lift.movements].min() >= PEDAL_DOWN_FROM
    assert lifts > 100
    assert lost / lifts == pytest.approx(0.4, abs=0.06)


@pytest.mark.parametrize("kind", [PedalMissed, PedalBlur])
def test_a_larger_share_adds_to_the_same_changes(
    compose: Compose, kind: type[PedalMissed] | type[PedalBlur]
) -> None:
    clean = compose(3)
    values = [
        after(clean, kind(share=share).draw(clean, stream(0, "p")))["value"].astype(int)
        for share in (0, 0.1, 0.3, 0.6, 1)
    ]
    assert (np.diff(values, axis=0) >= 0).all()
    assert (values[-1] > values[0]).any()


def test_a_press_is_what_holds_the_dampers_off_the_strings(assemble: Assemble) -> None:
    """Two presses with a half lift between, half a press, and a press of one movement."""
    values = (0, 15, 30, 90, 50, 33, 40, 70, 21, 20, 45, 10, 127, 5)
    movements = [(0.1 * at, SUSTAIN, value) for at, value in enumerate(values)]
    movements.insert(3, (0.25, 67, 127))
    found = find_presses(assemble([], movements).pedal)
    assert [press.tolist() for press in found] == [[2, 4, 5, 6], [7, 8, 9], [13]]
    assert find_presses(assemble([], [(0.0, SUSTAIN, 63)]).pedal) == []


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_that_share_of_the_presses_is_left_out_with_the_foot_up(
    legato: Performance, share: float
) -> None:
    clean, presses = legato.pedal, find_presses(legato.pedal)
    left = after(legato, PedalUnused(share=share).draw(legato, stream(0, "unused")))
    assert np.array_equal(left[["time_s", "controller"]], clean[["time_s", "controller"]])
    out = [press for press in presses if not left["value"][press].any()]
    assert len(out) == pytest.approx(share * len(presses), abs=1)
    kept = np.setdiff1d(np.arange(len(clean)), np.concatenate(out))
    assert np.array_equal(left[kept], clean[kept])


@pytest.mark.parametrize(
    "operation", [PedalLag(lag_s=0.1), PedalMissed(share=1), PedalBlur(share=1)]
)
def test_where_there_is_no_pedal_none_is_pressed(
    assemble: Assemble, operation: PedalLag | PedalMissed | PedalBlur
) -> None:
    for movements in ([], [(0.0, 64, 100)], [(2.0, 67, 127), (3.0, 67, 0)], [(1.0, 64, 20)]):
        clean = assemble(NOTES, movements)
        assert not operation.can_apply(clean)
        edits = operation.draw(clean, stream(0, "p"))
        assert np.array_equal(after(clean, edits)["value"], clean.pedal["value"])
    assert operation.can_apply(assemble(NOTES, [(1, 64, 99), (2, 64, 0), (2.5, 64, 99)]))
