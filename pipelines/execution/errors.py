"""What can go wrong with a run, besides what its person can mend."""


class StepError(Exception):
    """A run failed, and not for anything that its person did."""
