"""Audio features (`mel` or pretrained `mert`) and the encoder that reads them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.config.section import Count, Positive, Section, Share

MERT_RATE_HZ = 24_000
MERT_HOP_SAMPLES = 320
MERT_LAYERS = 12
"""MERT-v1-95M (Li et al. 2023): 24 kHz, a frame each 320 samples, 12 transformer layers."""


class MelFeatures(Section):
    """Settings of the log-mel spectrogram (see `models.inputs.log_mel`)."""

    kind: Literal["mel"]
    sample_rate_hz: Count
    frame_rate_hz: Count
    window_samples: Count
    bands: Count
    lowest_hz: Positive
    highest_hz: Positive
    floor_db: float

    @property
    def width(self) -> int:
        """Values a frame."""
        return self.bands

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


class MertFeatures(Section):
    """Settings of MERT's hidden states (see `models.inputs.mert`), stored at `frame_rate_hz`.

    `source` is a hub id or a local folder, `revision` the whole hash of a commit of the hub (null
    for a folder); the states of `layers` (1 to 12, counted after the input embedding) are averaged.
    """

    kind: Literal["mert"]
    source: str
    revision: str | None
    layers: Annotated[tuple[int, ...], Field(strict=False, min_length=1)]
    width: Count
    frame_rate_hz: Count
    clips_per_batch: Count

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.frame_rate_hz > MERT_RATE_HZ // MERT_HOP_SAMPLES:
            raise ValueError(
                f"frame_rate_hz must be at most MERT's own {MERT_RATE_HZ // MERT_HOP_SAMPLES}, "
                f"got {self.frame_rate_hz}"
            )
        if not all(1 <= layer <= MERT_LAYERS for layer in self.layers):
            raise ValueError(f"layers must lie in 1 to {MERT_LAYERS}, got {list(self.layers)}")
        return self


OF_NO_FEATURE = frozenset({"clips_per_batch", "source", "revision"})
"""Settings that change no feature: MERT's batch size and where its weights lie. The weights
themselves are identified by a digest (`mert_identity`)."""

AudioFeatures = Annotated[MelFeatures | MertFeatures, Field(discriminator="kind")]
"""The features in the table `audio_features`."""


class AudioEncoderConfig(Section):
    """Features to one vector per step: (value - centre) / scale, then convolutions.

    For `mel`, values are dB. `blocks` residual convolutions run before and after the frames are
    averaged to steps; with 0 blocks and `width` null (`mert`) frames are only averaged.
    """

    centre: float
    scale: Positive
    width: Count | None
    blocks: Annotated[int, Field(ge=0)]
    kernel_frames: Count
    dropout: Share

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.kernel_frames % 2 == 0:
            raise ValueError(
                f"kernel_frames must be odd to have a centre, got {self.kernel_frames}"
            )
        if self.width is None and self.blocks:
            raise ValueError(f"without a width there can be no blocks, got {self.blocks}")
        return self
