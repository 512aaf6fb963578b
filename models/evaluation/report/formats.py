"""Numbers and names as pages write them."""

import math
from collections.abc import Sequence


def number(value: float | None, digits: int = 3) -> str:
    """Return a figure with a true minus; a dash for one that is not defined.

    >>> number(-0.0004, 2), number(None), number(-1.5, 1)
    ('0.00', '–', '−1.5')
    """
    if value is None or math.isnan(value):
        return "–"
    written = f"{value:.{digits}f}"
    if not float(written):
        written = written.removeprefix("-")
    return written.replace("-", "−")


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share in per cent.

    >>> percent(0.375), percent(None)
    ('38 %', '–')
    """
    return "–" if share is None or math.isnan(share) else f"{number(100 * share, digits)} %"


def signed(value: float | None, digits: int = 3) -> str:
    """Return a difference, with its sign.

    >>> signed(0.25, 2), signed(-0.25, 2), signed(0.0, 2)
    ('+0.25', '−0.25', '0.00')
    """
    written = number(value, digits)
    return f"+{written}" if value and written.strip("0.") and value > 0 else written


def plain(name: str) -> str:
    """Return an identifier as prose.

    >>> plain("note_accuracy")
    'note accuracy'
    """
    return name.replace("_", " ")


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> listed(["audio_only", "gated", "concat"])
    'audio_only, gated and concat'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
