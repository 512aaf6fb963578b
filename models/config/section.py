"""The base of every section of a settings file: frozen, strict, complete."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from degradation.config_file import explain, read_mapping
from degradation.errors import UserError

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A section of a settings file: no key may be missing, misspelt or of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


S = TypeVar("S", bound=Section)


def load_section(path: Path, kind: type[S]) -> S:
    """Return the settings of a YAML file.

    Raises UserError, in one line that names file, key, what was expected and what was got, when
    the file is missing, is no YAML mapping, or breaks a rule of `kind`.
    """
    values = read_mapping(path)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path} is not valid: {explain(error)}") from error
