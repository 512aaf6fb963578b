"""The MIDI encoder, its tokens, and its pretraining."""

from typing import Literal, Self

from pydantic import model_validator

from models.config.section import Count, NotNegative, Positive, Section, Share

TokenName = Literal["performance", "octuple"]


class MidiEncoderConfig(Section):
    """The transformer over notes; sinusoids of these periods encode a note's onset.

    `tokens` names the kind of token (see `models.tokens`).
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

    Each epoch, a window of `window_s` starts at a random place in every `window_s` of music. The
    share `mask_share` of its notes is predicted.
    """

    epochs: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: NotNegative
    warmup_share: Share
    gradient_norm_limit: Positive
    window_s: Positive
    mask_share: Share
