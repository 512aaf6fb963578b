"""Numbers with their nouns."""


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, as in `1 fault` and `1,200 faults`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
