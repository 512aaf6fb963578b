"""Base classes of all operations: frozen parameters, a strength, and the damage they do."""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from degradation.edits import Edits
from degradation.notes import Performance
from degradation.waveform import Waveform

Number = TypeVar("Number", bound=float)


def _ordered(span: tuple[Number, Number]) -> tuple[Number, Number]:
    if span[0] > span[1]:
        raise ValueError(f"should be [low, high], got [{span[0]:g}, {span[1]:g}]")
    return span


Span = Annotated[tuple[Number, Number], AfterValidator(_ordered)]
"""[low, high]; each end keeps the limits of its type."""

Hertz = Annotated[float, Field(ge=0.1)]
"""A frequency; frequencies are drawn to a tenth."""


class Parameters(BaseModel):
    """Frozen parameters; unknown keys, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, values: Any) -> Any:
        # `extra="forbid"` alone would not list the keys that exist.
        if isinstance(values, dict):
            unknown = [str(key) for key in values if key not in cls.model_fields]
            if unknown:
                raise ValueError(
                    f"unknown key {', '.join(unknown)}; expected {', '.join(cls.model_fields)}"
                )
        return values


class Operation(Parameters):
    """Damage with parameters. `operation` is its name in recipes, rows and random streams.

    `STRENGTH` names the parameter that says how strong the damage is, the factor to its unit, and
    that unit. Raise `CODE_VERSION` when the same parameters damage otherwise: the tiers that use
    the operation are then made again, and no others.
    """

    STRENGTH: ClassVar[tuple[str, float, str]]
    CODE_VERSION: ClassVar[int] = 1
    operation: str

    @property
    def strength(self) -> tuple[float, str]:
        """How strong the damage is, and the unit of that number."""
        name, factor, unit = self.STRENGTH
        return getattr(self, name) * factor, unit


class NoteOperation(Operation):
    """Damages the playing: draws edits, which `apply_edits` applies."""

    MAY_DO_NOTHING: ClassVar[bool] = False
    """Whether `draw` may return no edits even if `can_apply` is true: half a slip is 0 or 1."""

    def can_apply(self, performance: Performance) -> bool:
        """Return whether the performance has what the operation acts on."""
        return len(performance.notes) > 0

    @abstractmethod
    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return the edits of each note, and the pedal if it moves."""


class SoundOperation(Operation):
    """Changes the recording: a signal in, a signal of the same length out."""

    @abstractmethod
    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the changed sound; the input stays as it is."""
