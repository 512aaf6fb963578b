"""The experiment file: every size, rate and schedule, typed and strict."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from models.config.audio import AudioEncoderConfig, AudioFeatures
from models.config.hearing import HearingConfig
from models.config.losses import LossConfig
from models.config.midi import MidiEncoderConfig, PretrainingConfig
from models.config.section import Count, NotNegative, Positive, Section, Share, load_section

Experiment = Literal["heuristics_only", "audio_only", "midi_only", "crossattn", "gated", "concat"]
EXPERIMENTS: tuple[Experiment, ...] = get_args(Experiment)
Modality = Literal["audio", "midi"]
MODALITIES: Mapping[Experiment, frozenset[Modality]] = {
    "heuristics_only": frozenset({"midi"}),
    "audio_only": frozenset({"audio"}),
    "midi_only": frozenset({"midi"}),
    "crossattn": frozenset({"audio", "midi"}),
    "gated": frozenset({"audio", "midi"}),
    "concat": frozenset({"audio", "midi"}),
}
"""The modalities that each experiment reads."""

SINGLES: Mapping[Modality, Experiment] = {"audio": "audio_only", "midi": "midi_only"}
"""The experiment with each modality's encoder alone, as fusions join them."""

MODALITY_WORDS: Mapping[Modality, str] = {"audio": "audio", "midi": "MIDI"}

ENCODES_NOTES: frozenset[Experiment] = frozenset({"midi_only", "crossattn", "gated", "concat"})
"""The experiments with a MIDI encoder; `heuristics_only` reads measures of the notes alone."""

FUSION_FIGURES = ("audio_share", "gate")
"""Columns of a fusion model's predictions that say what its fusion did in that sample."""


class ProjectionConfig(Section):
    """The width that every modality has on the common time grid."""

    width: Count


class FusionConfig(Section):
    """Heads of cross-attention, and how often training drops one modality of a clip.

    Each clip loses its audio with probability `modality_dropout` / 2, its MIDI likewise, never
    both, so that a fusion model also works with one alone (ModDrop, Neverova et al. 2016).
    """

    heads: Count
    modality_dropout: Share


class AggregationConfig(Section):
    """BiLSTM states per direction, and attention heads that pool them over time."""

    hidden: Count
    heads: Count

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if 2 * self.hidden % self.heads:
            raise ValueError(f"heads must divide 2 x hidden = {2 * self.hidden}, got {self.heads}")
        return self


class HeadConfig(Section):
    """The eight outputs; a score is `score_centre` + `score_scale` x output."""

    hidden: Count
    dropout: Share
    score_centre: float
    score_scale: Positive


class TrainingConfig(Section):
    """The schedule, the loading of examples, and the devices.

    `batch_size` is per device; more than 1 of `devices` train by DDP. `precision` "bf16" is
    bfloat16 autocast with float32 weights.
    """

    precision: Literal["bf16", "32"]
    devices: Count

    epochs: Count
    patience_epochs: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: NotNegative
    warmup_share: Share
    gradient_norm_limit: Positive
    shuffle_buffer_examples: Count
    open_parts: Count
    rows_per_read: Count
    loader_workers: Annotated[int, Field(ge=0)]
    progress_every_s: Positive


class ExperimentConfig(Section):
    """One experiment file: which experiments to train, on what grid, with which sizes."""

    seed: Annotated[int, Field(ge=0)]
    torch_threads: Count
    grid_rate_hz: Count
    # YAML has lists and no tuples, so strictness stops at the brackets.
    experiments: Annotated[tuple[Experiment, ...], Field(strict=False, min_length=1)]
    audio_features: AudioFeatures
    audio_encoder: AudioEncoderConfig
    # null: audio models read audio features alone.
    hearing: HearingConfig | None
    midi_encoder: MidiEncoderConfig
    # null: the MIDI encoder starts from random weights.
    pretraining: PretrainingConfig | None
    projection: ProjectionConfig
    fusion: FusionConfig
    aggregation: AggregationConfig
    head: HeadConfig
    loss: LossConfig
    training: TrainingConfig

    @property
    def audio_frames_per_step(self) -> int:
        """Audio frames that make one step of the common time grid."""
        return self.audio_features.frame_rate_hz // self.grid_rate_hz

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.audio_features.frame_rate_hz % self.grid_rate_hz:
            raise ValueError(
                "audio_features.frame_rate_hz must be a multiple of grid_rate_hz, got "
                f"{self.audio_features.frame_rate_hz} and {self.grid_rate_hz}"
            )
        if len(set(self.experiments)) < len(self.experiments):
            raise ValueError(f"experiments names one twice, got {list(self.experiments)}")
        if self.projection.width % self.fusion.heads:
            raise ValueError(
                f"fusion.heads must divide projection.width = {self.projection.width}, got "
                f"{self.fusion.heads}"
            )
        contrast, training = self.loss.contrastive, self.training
        most = min(training.patience_epochs, training.epochs - 1)
        if contrast and contrast.alone_epochs > most:
            raise ValueError(
                "loss.contrastive.alone_epochs must be below training.epochs, and no more than "
                f"training.patience_epochs, or training ends before it grades: at most {most}, got "
                f"{contrast.alone_epochs}"
            )
        return self


def load_experiment(path: Path) -> ExperimentConfig:
    """Return the experiments of a YAML file; UserError as in `load_section`."""
    return load_section(path, ExperimentConfig)
