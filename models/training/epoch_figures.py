"""What the processes of a training have seen of an epoch, and its figures over all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.diagnostics.watch import FusionWatch
from models.metrics import Agreement


@dataclass(slots=True, kw_only=True, eq=False)
class Progress:
    """What a process has seen of the training epoch at hand."""

    samples: int = 0
    steps: int = 0
    sums: "Sums" = field(default_factory=dict)
    logged_sums: "Sums" = field(default_factory=dict)
    gradient_norm_sums: "Sums" = field(default_factory=dict)

    def on_cpu(self) -> "Progress":
        """Return the same with its sums on the CPU, for other processes."""

        def moved(sums: "Sums") -> "Sums":
            return {name: total.cpu() for name, total in sums.items()}

        return Progress(
            samples=self.samples,
            steps=self.steps,
            sums=moved(self.sums),
            logged_sums=moved(self.logged_sums),
            gradient_norm_sums=moved(self.gradient_norm_sums),
        )


Sums = dict[str, Tensor]
"""Sums by name, on the device of the training: to read one at each step would halt a GPU."""


def add(sums: Sums, figures: Mapping[str, Tensor], count: int) -> None:
    """Add figures, each the mean of `count`, to sums, in float64."""
    for name, figure in figures.items():
        more = figure.detach().double() * count
        sums[name] = sums[name] + more if name in sums else more


def means(parts: list[Sums], over: int) -> dict[str, float]:
    """Return the sums of several processes together, divided by what they run over."""
    if not over:
        return {}
    return {name: float(sum(float(part[name]) for part in parts)) / over for name in parts[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochFigures:
    """What training and validation of an epoch showed, over all processes."""

    terms: dict[str, float]
    logged: dict[str, float]
    gradient_norms: dict[str, float]
    samples: int
    val_loss: float
    agreement: Agreement
    diagnostics: FusionDiagnostics


@dataclass(slots=True, kw_only=True, eq=False)
class ValidationPass:
    """What a process has seen of the validation pass at hand."""

    true: list[Tensor] = field(default_factory=list)
    standardised: list[Tensor] = field(default_factory=list)
    watch: FusionWatch = field(default_factory=FusionWatch)
