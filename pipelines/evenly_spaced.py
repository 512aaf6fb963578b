"""Choose a few of many items, evenly spaced."""

import numpy as np


def evenly_spaced(count: int, most: int) -> range:
    """Return up to `most` of the indices 0 to `count` - 1, at equal distances.

    >>> list(evenly_spaced(7, 3))
    [0, 3, 6]
    """
    return range(0, count, -(-count // most) or 1)


def spread_out(count: int, wanted: int) -> list[int]:
    """Return exactly `wanted` of the indices (all, where there are fewer), both ends included.

    Distances may differ by one: for checks, whose power depends on the number of rows.

    >>> spread_out(7, 5)
    [0, 2, 3, 4, 6]
    """
    places = np.linspace(0, count - 1, min(count, wanted)).round()
    return [int(place) for place in np.unique(places)]
