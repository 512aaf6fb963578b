"""A duration in words."""


def describe_duration(seconds: float) -> str:
    """Return a duration as a person says it.

    >>> describe_duration(3725)
    '1 h 02 min'
    >>> describe_duration(95)
    '1 min 35 s'
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
