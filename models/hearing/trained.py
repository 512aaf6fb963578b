"""A trained note detector, named so that it can be found and told from others; without torch."""

from dataclasses import dataclass
from pathlib import Path

from models.config.hearing import DetectorConfig

HEARING_VERSION = "2"
"""Raise it when the same detector hears other notes in the same sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedDetector:
    """Where a detector's weights lie, and their digest."""

    checkpoint: Path
    weights: str
    config: DetectorConfig

    @property
    def version(self) -> str:
        """What notes that it hears are called by."""
        return f"{HEARING_VERSION}{self.weights}"
