"""The note detector in pretraining: its loss, its steps, its validation and its data."""

import math
import time
from collections import defaultdict

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from degradation.counted import counted
from models.config.experiment import ExperimentConfig
from models.duration import describe_duration
from models.hearing.detector import Detection, NoteDetector
from models.hearing.hear import hear
from models.hearing.spectrum import pitch_spectrum
from models.training.hearing.clips import ClipTable, HearingBatch, Place, Stretches, whole_clip
from models.training.hearing.note_scores import mean_scores, score_notes
from models.training.hearing.result import HearingEpoch, NoteScores
from models.training.module import EpochClock, TrainingModule

WEIGHTS = {"onset": 1.0, "sounding": 0.15, "velocity": 40.0, "pedal": 0.3}
"""Of the terms of the loss, which begin between 0.2 and 4. What is graded most is how notes are
struck: velocities are as heavy as onsets."""


def detector_losses(found: Detection, batch: HearingBatch) -> dict[str, Tensor]:
    """Return the weighted terms; onset and sounding are summed over keys."""
    frames = batch.pedal.numel()

    def over_keys(logits: Tensor, true: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits.float(), true, reduction="sum") / frames

    error = (torch.sigmoid(found.velocity.float()) - batch.velocity).square()
    terms = {
        "onset": over_keys(found.onset, batch.onset),
        "sounding": over_keys(found.sounding, batch.sounding),
        "velocity": (error * batch.onset).sum() / batch.onset.sum().clamp_min(1.0),
        "pedal": F.binary_cross_entropy_with_logits(found.pedal.float(), batch.pedal),
    }
    return {name: WEIGHTS[name] * term for name, term in terms.items()}


def spread_places(source: ClipTable, count: int) -> list[Place]:
    """Return up to `count` places of the validation split, spread evenly over it."""
    places = source.places("validation")
    wanted = min(count, len(places))
    return [places[number * len(places) // wanted] for number in range(wanted)]


class HearingModule(TrainingModule[HearingEpoch]):
    """The detector in pretraining."""

    network: NoteDetector

    def __init__(self, network: NoteDetector, config: ExperimentConfig, source: ClipTable) -> None:
        assert config.hearing is not None
        hearing = config.hearing
        clips = sum(len(place.rows) for place in source.places("train"))
        self._clips_an_epoch = min(clips, hearing.clips_per_epoch)
        super().__init__(
            network,
            nn.Identity(),
            hearing,
            steps_an_epoch=math.ceil(self._clips_an_epoch / hearing.batch_size),
            described=f"{counted(clips, 'clip')}, {self._clips_an_epoch:,} of them an epoch",
        )
        self._config, self._hearing, self._source = config, hearing, source
        self._validation = spread_places(source, hearing.validation_clips)
        self._seen = self._judged = 0
        self._val_loss_sum = self._spectra_s = 0.0
        self._loss_sum = torch.zeros((), dtype=torch.float64)
        self._scores: dict[str, list[NoteScores]] = defaultdict(list)

    def train_dataloader(self) -> DataLoader[HearingBatch]:
        """Return the stretches of the epoch at hand."""
        stretches = Stretches(self._source, self._hearing, self._config.seed, self.epoch)
        return DataLoader(stretches, batch_size=None, generator=torch.Generator())

    def val_dataloader(self) -> DataLoader[int]:
        """Return the numbers of the validation places; the first clip of each is judged."""
        numbers = list(range(len(self._validation)))
        return DataLoader(numbers, batch_size=None, generator=torch.Generator())  # type: ignore[arg-type]

    def best_weights(self) -> dict[str, Tensor]:
        """Return the detector's weights."""
        return self.network.state_dict()

    def on_train_epoch_start(self) -> None:
        """Forget the epoch before."""
        self._seen, self._spectra_s = 0, 0.0
        self._loss_sum = torch.zeros((), dtype=torch.float64)

    def training_step(self, batch: HearingBatch) -> Tensor:
        """Return the loss of one batch."""
        started_s = time.monotonic()  # a GPU is still at work when this is over
        spectrum = pitch_spectrum(batch.sound)[:, : batch.pedal.shape[1]]
        self._spectra_s += time.monotonic() - started_s
        found = self.network(spectrum)
        loss: Tensor = torch.stack(list(detector_losses(found, batch).values())).sum()
        # Not read here, which would halt a GPU.
        self._loss_sum = self._loss_sum + loss.detach().double() * len(batch.sound)
        self._seen += len(batch.sound)
        self.steps_done += 1
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the previous pass."""
        self._judged, self._val_loss_sum = 0, 0.0
        self._scores.clear()

    def validation_step(self, number: int) -> None:
        """Hear a clip as it is recorded, and its notes by the instrument alone."""
        clip = next(self._source.read(self._validation[number]))
        batch = whole_clip(clip).to(self.device)
        found = self.network(pitch_spectrum(batch.sound)[:, : batch.pedal.shape[1]])
        self._val_loss_sum += float(sum(detector_losses(found, batch).values()))
        self._judged += 1
        for name, sound in (("recorded", clip.sound), ("clean", clip.without_recording())):
            if sound is not None:
                (heard,) = hear([sound], self.network)
                if (scores := score_notes(clip.played, heard)) is not None:
                    self._scores[name].append(scores)

    def record(self, clock: EpochClock, learning_rate: float) -> HearingEpoch:
        """Return the epoch's figures."""
        recorded, clean = (mean_scores(self._scores[name]) for name in ("recorded", "clean"))
        return HearingEpoch(
            epoch=self.epoch + 1,
            train_loss=float(self._loss_sum) / self._seen,
            val_loss=self._val_loss_sum / self._judged,
            recorded=recorded,
            clean=clean,
            learning_rate=learning_rate,
            clips_per_s=self._seen / clock.trained_s,
            reading_share=clock.waited_s / clock.trained_s,
            spectra_share=(
                self._spectra_s / clock.trained_s if self.device.type == "cpu" else math.nan
            ),
            seconds=clock.seconds,
        )

    def describe_progress(self, trained_s: float) -> str:
        """Return how many clips were heard, the loss, the speed, and how long the rest takes."""
        left_s = trained_s * max(0.0, self._clips_an_epoch / self._seen - 1)
        return (
            f"{self._seen:,} of {self._clips_an_epoch:,} clips, loss "
            f"{float(self._loss_sum) / self._seen:.3f}, {self._seen / trained_s:.1f} clips/s, "
            f"{describe_duration(left_s)} left in this epoch"
        )
