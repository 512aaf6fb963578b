"""What every part of an experiment file is: frozen, strict, complete."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A part of an experiment file: no key may be missing, misspelt or of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
