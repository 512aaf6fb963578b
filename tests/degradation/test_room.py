import contextlib
import io
import subprocess
import sys

import numpy as np
import pytest

from degradation.factored import FactoredRecipe
from degradation.nuisance import make_rooms
from degradation.room import Room, RoomRange, impulse_response
from degradation.seeds import stream
from degradation.waveform import Waveform, level_dbfs

RATE_HZ = 24_000

DIGEST = """
import hashlib
from pathlib import Path
from degradation.nuisance import make_rooms
from degradation.recipe import load_recipe
from degradation.room import impulse_response
recipe = load_recipe(Path("configs/recipes/factored.yaml"))
digest = hashlib.sha256()
for room in make_rooms(recipe.nuisance.rooms, recipe.seed, recipe.name):
    digest.update(impulse_response(room, 24000).tobytes())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def rooms(factored: FactoredRecipe) -> tuple[Room, ...]:
    return make_rooms(factored.nuisance.rooms, factored.seed, factored.name)


def test_the_rooms_are_many_and_different(rooms: tuple[Room, ...]) -> None:
    rt60_s = [room.rt60_s(RATE_HZ) for room in rooms]
    assert len({room.name for room in rooms}) == len(rooms) == 12
    assert 0.1 < min(rt60_s) < 0.4
    assert 0.8 < max(rt60_s) < 2


def test_a_room_is_no_gain_and_moves_no_onset(rooms: tuple[Room, ...]) -> None:
    for room in rooms:
        response = impulse_response(room, RATE_HZ)
        assert np.sum(response**2) == pytest.approx(1)
        assert np.argmax(np.abs(response)) == 0
    click = np.zeros(RATE_HZ, np.float32)
    click[1000] = 1
    wet = rooms[0].transform(Waveform(samples=click, sample_rate_hz=RATE_HZ), stream(0, "unused"))
    assert np.argmax(np.abs(wet.samples)) == 1000
    assert len(wet.samples) == RATE_HZ
    assert np.abs(wet.samples[:1000]).max() < 1e-6


def test_steady_sound_keeps_about_its_level(rooms: tuple[Room, ...]) -> None:
    samples = 0.1 * stream(0, "sound").standard_normal(10 * RATE_HZ, dtype=np.float32)
    sound = Waveform(samples=samples, sample_rate_hz=RATE_HZ)
    for room in rooms:
        wet = room.transform(sound, stream(0, "unused"))
        assert level_dbfs(wet.samples) == pytest.approx(level_dbfs(samples), abs=1)


def test_harder_walls_ring_longer() -> None:
    hall = RoomRange(
        count=1,
        smallest_m=(8, 6, 4),
        largest_m=(8, 6, 4),
        absorption=(0.2, 0.2),
        reflections=40,
    ).draw(0, stream(0, "room"))
    rt60_s = [
        hall.model_copy(update={"absorption": absorption}).rt60_s(RATE_HZ)
        for absorption in (0.15, 0.3, 0.6)
    ]
    assert rt60_s == sorted(rt60_s, reverse=True)
    # Sabine: 0.161 V / (S a), which holds where walls are hard.
    assert rt60_s[0] == pytest.approx(0.161 * 192 / (208 * 0.15), rel=0.25)


def test_every_process_makes_the_same_rooms() -> None:
    here = io.StringIO()
    with contextlib.redirect_stdout(here):
        exec(DIGEST, {})
    there = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True).stdout
    assert there.strip()
    assert here.getvalue() == there


def test_a_range_of_no_rooms_is_refused() -> None:
    sound = {"count": 3, "smallest_m": (4, 3, 2), "largest_m": (8, 6, 4), "reflections": 9}
    with pytest.raises(ValueError, match="largest_m should be at least smallest_m"):
        RoomRange.model_validate(sound | {"absorption": (0.1, 0.5), "largest_m": (3, 3, 3)})
    with pytest.raises(ValueError, match="absorption"):
        RoomRange.model_validate(sound | {"absorption": (0.1, 1.0)})
    with pytest.raises(ValueError, match=r"should be \[low, high\], got \[0.5, 0.1\]"):
        RoomRange.model_validate(sound | {"absorption": (0.5, 0.1)})
