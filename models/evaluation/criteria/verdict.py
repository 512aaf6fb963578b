"""What a rule found, as data: templates hold the sentences."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.document import Number

Value = int | Number | str | tuple[str, ...] | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding: `code` names the template macro that says it, `numbers` are its arguments."""

    code: str
    numbers: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """What is asked of the results, and what was found.

    `passed` is None where the results cannot decide; `because` explains a failure.
    """

    asks: Verdict
    found: Verdict
    passed: bool | None
    because: tuple[Verdict, ...] = ()


def verdict(code: str, **numbers: Value) -> Verdict:
    """Return the verdict of a code with its numbers."""
    return Verdict(code, numbers)
