"""A function for worker processes of a test, with a mistake."""


def as_numbers(words: str) -> list[int]:
    """Read words as numbers, which they are not."""
    return [int(word) for word in words.split()]
