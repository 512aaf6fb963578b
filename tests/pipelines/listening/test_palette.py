from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation.report.figures.palette import TIER_COLOURS
from pipelines.listening.palette import NOTE_COLOURS, velocity_opacity

# Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB.
EYES = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
    ),
    "deuteranopia": np.array(
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]
    ),
    "tritanopia": np.array(
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def cielab(colour: str, eye: NDArray[np.float64]) -> NDArray[np.float64]:
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(eye @ linear, 0, 1) / XYZ.sum(axis=1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("colours", [NOTE_COLOURS, TIER_COLOURS], ids=["notes", "tiers"])
def test_colours_stay_apart_for_every_eye(colours: dict[str, str], eye: str) -> None:
    seen = {name: cielab(colour, EYES[eye]) for name, colour in colours.items()}
    for one, other in combinations(seen, 2):
        apart = np.linalg.norm(seen[one] - seen[other])
        assert apart > 25, f"{one} and {other} are {apart:.0f} ΔE apart"  # 2.3 is just noticeable


def test_louder_is_more_opaque() -> None:
    opacity = [velocity_opacity(velocity) for velocity in range(1, 128)]
    assert opacity == sorted(set(opacity))
    assert opacity[0] >= 0.4
    assert opacity[-1] == 1.0
