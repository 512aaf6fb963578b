"""What a fusion model does inside, epoch by epoch, and whether its two sides are aligned."""

from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.diagnostics.watch import FusionWatch

__all__ = ["FusionDiagnostics", "FusionWatch"]
