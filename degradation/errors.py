"""The error of mistakes that a user can correct."""


class UserError(Exception):
    """One line: what was wrong, what was expected, what was got, and how to correct it."""
