"""The MIDI encoder, its tokens, and how it is trained before any score is seen."""

from typing import Literal, Self

from pydantic import model_validator

from models.config.section import Count, NotNegative, Positive, Section, Share

TokenName = Literal["performance", "octuple"]


class MidiEncoderConfig(Section):
    """The transformer over notes; sinusoids of these periods tell it when a note begins.

    `tokens` names what the notes are read as (see `models.tokens`).
    """

    tokens: TokenName
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


class PretrainingConfig(Section):
    """Masked pretraining of the MIDI encoder (MidiBERT; see `models.training.pretraining`).

    A window of `window_s` begins at a random place in each `window_s` of music, a new one
    each epoch. Of its notes `mask_share` are to be guessed.
    """

    epochs: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: NotNegative
    warmup_share: Share
    gradient_norm_limit: Positive
    window_s: Positive
    mask_share: Share
