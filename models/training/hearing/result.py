"""A finished pretraining of the note detector: figures, identity, how it is read; without torch."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any

from models.config.experiment import ExperimentConfig
from models.config.hearing import DetectorConfig
from models.document import Number
from models.hearing.trained import TrainedDetector
from models.training.history import Epoch
from models.training.result import Result, read_result

NAME = "audio_pretrain"
HEARING_PRETRAINING_VERSION = "2"
"""Raise it when the same settings and data give another detector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteScores:
    """F1, 0 to 1, of one clip or the mean of several; NaN of none.

    A note is found when its pitch is and its onset lies within 50 ms (`onset_f1`), its end too
    within 50 ms or a fifth of its length (`offset_f1`), its velocity within a tenth of the range
    (`velocity_f1`): Raffel et al. 2014, Hawthorne et al. 2018. `pedal_f1` is of the frames in
    which the pedal is down, NaN where it never is.
    """

    onset_f1: Number
    offset_f1: Number
    velocity_f1: Number
    pedal_f1: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingEpoch(Epoch):
    """An epoch of the detector's pretraining.

    Losses are sums over onset, sounding, velocity and pedal. `recorded` are the validation clips
    as the shards hold them, with room and noise; `clean` the same notes by the instrument alone.
    `reading_share` and `spectra_share` are those of the time that training spent on reading clips
    and, on a CPU, on spectra (NaN elsewhere), which are computed each time: stored, they would be
    larger than the sound.
    """

    recorded: NoteScores
    clean: NoteScores
    clips_per_s: float
    reading_share: float
    spectra_share: Number

    def curves(self) -> dict[str, float]:
        """Return every figure of the epoch that is one number, by `kind: name`."""
        return {
            **Epoch.curves(self),
            "speed: clips a second": self.clips_per_s,
            "data: share of time reading": self.reading_share,
            "data: share of time computing spectra": self.spectra_share,
            **{f"F1: {name}": value for name, value in asdict(self.recorded).items()},
            **{f"F1, clean: {name}": value for name, value in asdict(self.clean).items()},
        }

    def summary(self) -> str:
        """Return the loss and what is heard."""
        return (
            f"{Epoch.summary(self)}, onset F1 {self.recorded.onset_f1:.3f} "
            f"({self.clean.onset_f1:.3f} clean), with end {self.recorded.offset_f1:.3f}, with "
            f"velocity {self.recorded.velocity_f1:.3f}, pedal {self.recorded.pedal_f1:.3f}"
        )

    def speed(self) -> str:
        """Return clips a second."""
        spectra = "" if isnan(self.spectra_share) else f", {self.spectra_share:.0%} on spectra"
        reading = f"{self.reading_share:.0%} of the time reading"
        return f"{self.clips_per_s:,.1f} clips/s ({reading}{spectra})"


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingResult(Result[HearingEpoch]):
    """A finished pretraining of the detector."""

    epochs: tuple[HearingEpoch, ...]

    detector: DetectorConfig

    @property
    def trained(self) -> TrainedDetector:
        """The detector whose weights were kept."""
        weights = json.loads(self.checkpoint.with_suffix(".json").read_text("utf-8"))["weights"]
        return TrainedDetector(checkpoint=self.checkpoint, weights=weights, config=self.detector)


SETTINGS_USED: Mapping[str, Any] = {"seed": True, "hearing": True, "training": {"precision"}}
"""The settings that a detector follows from, as pydantic includes them."""


def hearing_identity(config: ExperimentConfig) -> str:
    """Return a digest of the detector's settings.

    Not of its clips: a detector hears other pairs as well, and would change the features of all.
    """
    settings = config.model_dump_json(include=SETTINGS_USED)
    about = [NAME, HEARING_PRETRAINING_VERSION, settings]
    return hashlib.blake2b("\n".join(about).encode(), digest_size=16).hexdigest()


def load_hearing(folder: Path) -> HearingResult:
    """Return the pretraining that finished in a folder; UserError without one."""
    return read_result(folder, HearingResult)
