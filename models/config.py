"""What an experiment file says: every size, rate and schedule, typed and strict."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from degradation.config_file import explain, read_mapping
from degradation.errors import UserError

Experiment = Literal["audio_only", "midi_only", "gated"]
EXPERIMENTS: tuple[Experiment, ...] = get_args(Experiment)
Modality = Literal["audio", "midi"]
MODALITIES: Mapping[Experiment, frozenset[Modality]] = {
    "audio_only": frozenset({"audio"}),
    "midi_only": frozenset({"midi"}),
    "gated": frozenset({"audio", "midi"}),
}
"""What each experiment is shown."""

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A part of an experiment file: no key may be missing, misspelt or of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class MelConfig(Section):
    """How sound becomes a log-mel spectrogram (see `models.features`)."""

    sample_rate_hz: Count
    frame_rate_hz: Count
    window_samples: Count
    bands: Count
    lowest_hz: Positive
    highest_hz: Positive
    floor_db: float

    @property
    def hop_samples(self) -> int:
        """Samples from one frame to the next."""
        return self.sample_rate_hz // self.frame_rate_hz

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.sample_rate_hz % self.frame_rate_hz:
            raise ValueError(
                f"sample_rate_hz must be a multiple of frame_rate_hz, got {self.sample_rate_hz} "
                f"and {self.frame_rate_hz}"
            )
        if not self.lowest_hz < self.highest_hz <= self.sample_rate_hz / 2:
            raise ValueError(
                "expected lowest_hz < highest_hz <= sample_rate_hz / 2, got "
                f"{self.lowest_hz}, {self.highest_hz} and {self.sample_rate_hz / 2}"
            )
        return self


class AudioEncoderConfig(Section):
    """The convolutional encoder of log-mel frames; levels are centred and scaled in dB."""

    centre_db: float
    scale_db: Positive
    width: Count
    blocks: Count
    kernel_frames: Count
    dropout: Share

    @model_validator(mode="after")
    def _kernel_is_odd(self) -> Self:
        if self.kernel_frames % 2 == 0:
            raise ValueError(
                f"kernel_frames must be odd to have a centre, got {self.kernel_frames}"
            )
        return self


class MidiEncoderConfig(Section):
    """The transformer over notes; sinusoids of these periods tell it when a note begins."""

    width: Count
    layers: Count
    heads: Count
    feedforward: Count
    dropout: Share
    shortest_period_s: Positive
    longest_period_s: Positive
    time_unit_s: Positive

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width must be a multiple of 2 x heads, got {self.width} and {self.heads} heads"
            )
        if self.shortest_period_s >= self.longest_period_s:
            raise ValueError(
                "shortest_period_s must be below longest_period_s, got "
                f"{self.shortest_period_s} and {self.longest_period_s}"
            )
        return self


class ProjectionConfig(Section):
    """The width that every modality has on the common time grid."""

    width: Count


class AggregationConfig(Section):
    """BiLSTM states in each direction, and attention heads that pool them over time."""

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


class LossConfig(Section):
    """The weight of each loss term, and where Huber's turns from square to straight."""

    huber_weight: Positive
    huber_delta: Positive


class TrainingConfig(Section):
    """The schedule, and how examples reach it."""

    epochs: Count
    patience_epochs: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
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
    mel: MelConfig
    audio_encoder: AudioEncoderConfig
    midi_encoder: MidiEncoderConfig
    projection: ProjectionConfig
    aggregation: AggregationConfig
    head: HeadConfig
    loss: LossConfig
    training: TrainingConfig

    @property
    def mel_frames_per_step(self) -> int:
        """Log-mel frames that make one step of the common time grid."""
        return self.mel.frame_rate_hz // self.grid_rate_hz

    @model_validator(mode="after")
    def _grids_nest(self) -> Self:
        if self.mel.frame_rate_hz % self.grid_rate_hz:
            raise ValueError(
                "mel.frame_rate_hz must be a multiple of grid_rate_hz, got "
                f"{self.mel.frame_rate_hz} and {self.grid_rate_hz}"
            )
        if len(set(self.experiments)) < len(self.experiments):
            raise ValueError(f"experiments names one twice, got {list(self.experiments)}")
        return self


def load_experiment(path: Path) -> ExperimentConfig:
    """Return the experiments that a YAML file describes.

    Raises UserError, in one line that names file, key, what was expected and what was got,
    when the file is missing, is no YAML mapping, or breaks a rule of `ExperimentConfig`.
    """
    values = read_mapping(path)
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path} is no sound experiment: {explain(error)}") from error
