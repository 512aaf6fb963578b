"""The note detector that audio models listen through, and how it is pretrained."""

from typing import Annotated

from pydantic import Field

from models.config.section import Count, NotNegative, Positive, Section, Share


class DetectorConfig(Section):
    """Sizes of the note detector (see `models.hearing.detector`).

    `key_channels` belong to each of the 88 keys, `context_width` to all of them; `context_blocks`
    residual convolutions over time, each of twice the reach of the one before, read the context.
    """

    key_channels: Count
    context_width: Count
    context_blocks: Annotated[int, Field(ge=0)]


class HearingConfig(Section):
    """The detector and its pretraining on the shards' sound and the notes behind it.

    An epoch reads `clips_per_epoch` clips, a stretch of `crop_s` from each. After each epoch
    `validation_clips` of the validation split are judged, as recorded and without recording.
    """

    detector: DetectorConfig
    epochs: Count
    clips_per_epoch: Count
    validation_clips: Count
    crop_s: Positive
    batch_size: Count
    learning_rate: Positive
    weight_decay: NotNegative
    warmup_share: Share
    gradient_norm_limit: Positive
