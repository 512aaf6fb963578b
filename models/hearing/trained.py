"""A trained note detector, named so that it can be found and told from others; without torch."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.config.hearing import DetectorConfig

if TYPE_CHECKING:
    from models.hearing.detector import NoteDetector

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

    def load(self) -> "NoteDetector":
        """Return the detector in evaluation mode, on the CPU."""
        import torch

        from models.hearing.detector import NoteDetector

        detector = NoteDetector(self.config)
        detector.load_state_dict(torch.load(self.checkpoint, map_location="cpu", weights_only=True))
        return detector.eval()


@functools.lru_cache(maxsize=1)
def warm_detector(trained: TrainedDetector, device: str = "cpu") -> "NoteDetector":
    """Return this process's detector, loaded on first use."""
    return trained.load().to(device)
