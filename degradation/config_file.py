"""Reads YAML files of settings strictly, and explains their faults to a user in one line."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from degradation.errors import UserError

LONGEST_SHOWN = 80

_EXPECTED = {
    "dict_type": "should be a mapping of keys",
    "model_type": "should be a mapping of keys",
    "model_attributes_type": "should be a mapping of keys",
    "tuple_type": "should be a list",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "string_type": "should be text",
    "invalid_key": "should be text",
}
"""Replacements for pydantic's messages that speak of Python types."""


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, with duplicate keys refused instead of overwritten."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        # PyYAML raises assorted errors for values that contradict their type: a date of month 13,
        # `!!int abc`.
        except (ValueError, LookupError, AttributeError) as error:
            raise yaml.MarkedYAMLError(
                problem=f"{_shown(node.value)} is not of type {node.tag.rpartition(':')[2]}",
                problem_mark=node.start_mark,
            ) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"duplicate key {key.value!r}", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the keys and values of a YAML file.

    Raises UserError for a file that is missing or unreadable (listing those in its folder), not
    YAML, or not a mapping.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except OSError as error:
        others = ", ".join(sorted(file.name for file in path.parent.glob("*.yaml")))
        raise UserError(
            f"{path} cannot be read ({error.strerror}); expected one of the YAML files in its "
            f"folder: {others or 'none'}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {_where(error)}: correct it there") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} should be a mapping of keys, got {_shown(values)}")
    return values


def explain(error: ValidationError, within: object = None) -> str:
    """Return pydantic's findings in one line: each key, what was expected, what was got.

    `within` is the tag of the model where it is one of a tagged union, to be left out of keys.
    """
    return "; ".join(_finding(found, within) for found in error.errors(include_url=False))


def _finding(found: ErrorDetails, within: object) -> str:
    kind, message, context = found["type"], found["msg"], found.get("ctx", {})
    steps = found["loc"][1:] if found["loc"][:1] == (within,) else found["loc"]
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    key, got = key.removeprefix("."), _shown(found["input"])
    match kind:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            return f"{key} is an unknown key"
        case "union_tag_not_found":
            return f"{key}.{_discriminator(context)} is missing".removeprefix(".")
        case "union_tag_invalid":
            expected, got = context["expected_tags"], _shown(context["tag"])
            name = f"{key}.{_discriminator(context)}".removeprefix(".")
            return f"{name} should be one of {expected}, got {got}"
        case "too_long":
            return f"{key} should have at most {context['max_length']} items, got {got}"
        case "value_error":  # the message says what was got
            return f"{key}: {message.removeprefix('Value error, ')}".removeprefix(": ")
        case _:
            expected = _EXPECTED.get(kind) or re.sub("^(Input|String) should", "should", message)
            return f"{key} {expected}, got {got}"


def _discriminator(context: dict[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _where(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())
