"""An experiment's network: encoders, projection, fusion, aggregation and head, as configured."""

from dataclasses import dataclass

from torch import Tensor, nn

from models.aggregation import Aggregation
from models.audio_encoder import MelEncoder
from models.batch import Batch
from models.config import MODALITIES, Experiment, ExperimentConfig
from models.fusion import Fused, GatedFusion
from models.head import ScoreHead
from models.midi_encoder import NoteEncoder
from models.projection import Projection


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grades:
    """Scores (B, 8) and, from gated fusion, the gate (B, steps, width)."""

    scores: Tensor
    gate: Tensor | None


class GradingNetwork(nn.Module):
    """Batch to grades; parts that an experiment does not use are not made."""

    def __init__(self, experiment: Experiment, config: ExperimentConfig) -> None:
        super().__init__()
        width = config.projection.width
        if "audio" in MODALITIES[experiment]:
            self.audio_encoder = MelEncoder(
                config.mel.bands, config.mel_frames_per_step, config.audio_encoder
            )
            self.audio_projection = Projection(self.audio_encoder.width, width)
        if "midi" in MODALITIES[experiment]:
            self.midi_encoder = NoteEncoder(config.grid_rate_hz, config.midi_encoder)
            self.midi_projection = Projection(self.midi_encoder.width, width)
        match experiment:
            case "audio_only" | "midi_only":
                pass
            case "gated":
                self.fusion = GatedFusion(width)
        self.experiment = experiment
        self.aggregation = Aggregation(width, config.aggregation)
        self.head = ScoreHead(self.aggregation.width, config.head)

    def _audio(self, batch: Batch) -> Tensor:
        if batch.log_mel is None:
            raise ValueError(f"{self.experiment} needs log_mel, and the batch has none")
        steps: Tensor = self.audio_projection(self.audio_encoder(batch.log_mel, batch.mel_frames))
        return steps

    def _midi(self, batch: Batch) -> Tensor:
        if batch.notes is None:
            raise ValueError(f"{self.experiment} needs notes, and the batch has none")
        steps: Tensor = self.midi_projection(
            self.midi_encoder(batch.notes, batch.note_mask, int(batch.steps.max()))
        )
        return steps

    def _steps(self, batch: Batch) -> Fused:
        match self.experiment:
            case "audio_only":
                return Fused(steps=self._audio(batch), gate=None)
            case "midi_only":
                return Fused(steps=self._midi(batch), gate=None)
            case "gated":
                fused: Fused = self.fusion(self._audio(batch), self._midi(batch))
                return fused

    def forward(self, batch: Batch) -> Grades:
        """Return the grades of a batch that holds this experiment's modalities."""
        fused = self._steps(batch)
        scores: Tensor = self.head(self.aggregation(fused.steps, batch.steps))
        return Grades(scores=scores, gate=fused.gate)
