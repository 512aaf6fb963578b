"""A few of many, evenly spread."""


def evenly(count: int, most: int) -> range:
    """Return up to `most` of the places 0 to `count` - 1, at one distance from each other.

    >>> list(evenly(7, 3))
    [0, 3, 6]
    """
    return range(0, count, -(-count // most) or 1)
