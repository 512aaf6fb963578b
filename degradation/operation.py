"""What every operation is: typed parameters, a strength, and one thing that it does."""

from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from degradation.edits import Edits
from degradation.notes import Performance
from degradation.waveform import Waveform


class Parameters(BaseModel):
    """Frozen parameters; an unknown key, a NaN or an infinity is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, values: Any) -> Any:
        # `extra="forbid"` alone would refuse them without saying which keys there are.
        if isinstance(values, dict):
            unknown = [str(key) for key in values if key not in cls.model_fields]
            if unknown:
                raise ValueError(
                    f"unknown key {', '.join(unknown)}; expected {', '.join(cls.model_fields)}"
                )
        return values


class NoteParameters(Parameters):
    """Parameters of an operation on notes, which needs notes and, as a rule, no more."""

    leaves_to_chance: ClassVar[bool] = False
    """Whether it may do nothing by chance where it can strike: half a slip is none or one."""

    def can_strike(self, performance: Performance) -> bool:
        """Return whether the performance has what the operation acts on."""
        return len(performance.notes) > 0


class NoteOperation(Protocol):
    """Damages the playing: draws edits from its own stream, to be applied by `apply_edits`."""

    @property
    def operation(self) -> str:
        """Name in recipes, in rows and in the streams of randomness."""
        ...

    @property
    def strength(self) -> tuple[float, str]:
        """How hard it strikes, and the unit of that number."""
        ...

    @property
    def leaves_to_chance(self) -> bool:
        """Whether it may do nothing by chance where it can strike."""
        ...

    def can_strike(self, performance: Performance) -> bool:
        """Return whether the performance has what the operation acts on (a pedal, say)."""
        ...

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return what it does to this performance, note by note."""
        ...


class SoundOperation(Protocol):
    """Damages the recording: a signal in, a signal of the same length out."""

    @property
    def operation(self) -> str:
        """Name in recipes, in rows and in the streams of randomness."""
        ...

    @property
    def strength(self) -> tuple[float, str]:
        """How hard it strikes, and the unit of that number."""
        ...

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the damaged sound; the input stays as it is."""
        ...
