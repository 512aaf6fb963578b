"""Results as JSON files: frozen dataclasses that read back as they were written, without torch."""

import math
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from degradation.errors import UserError
from storage.files import whole_file

T = TypeVar("T")

Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A float that may be undefined: NaN in Python, null in JSON."""


def write_document(path: Path, document: object) -> None:
    """Write a dataclass as strict JSON; the file appears whole or not at all.

    NaN becomes null: annotate fields that may hold it as `Number`.
    """
    content = TypeAdapter(type(document)).dump_json(document, indent=2) + b"\n"
    with whole_file(str(path.parent), path.name) as file:
        file.write(content)


def read_document(path: Path, kind: type[T]) -> T:
    """Return the document that `write_document` wrote.

    Raises FileNotFoundError, and UserError for a file that holds no `kind`.
    """
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(
            f"{path} is no {kind.__name__} of this version ({where}: {first['msg']}): make it again"
        ) from error
