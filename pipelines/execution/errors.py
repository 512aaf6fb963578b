"""Errors of running that the user did not cause."""


class StepError(Exception):
    """A run failed for a reason other than a `UserError`."""
