"""The one kind of error that a user can cause and mend."""


class UserError(Exception):
    """What was wrong, what was expected, what was got and the way out, in one line."""
