"""Choose a few of many items, evenly spaced."""


def evenly_spaced(count: int, most: int) -> range:
    """Return up to `most` of the indices 0 to `count` - 1, at equal distances.

    >>> list(evenly_spaced(7, 3))
    [0, 3, 6]
    """
    return range(0, count, -(-count // most) or 1)
