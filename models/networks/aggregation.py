"""A sequence of any length to one vector: BiLSTM, then attentive statistics pooling."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models.config.experiment import AggregationConfig
from models.device import has_bfloat16_lstm
from models.inputs.batch import length_mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pooled:
    """One vector per clip (B, width), and the weight (B, S, heads) of each step in it.

    A head's weights (float32) sum to 1 over a clip's real steps and are 0 on padding.
    """

    vector: Tensor
    weight: Tensor


LEAST_VARIANCE = 1e-5
"""Added to a variance, as the square root has no gradient at 0."""


class AttentionPooling(nn.Module):
    """Means and standard deviations over time, weighted by attention.

    Each head pools its own share of the channels. Weights are softmax over time of
    v_h . tanh(W x) (Lin et al. 2017, "A structured self-attentive sentence embedding"); using them
    for both moments is attentive statistics pooling (Okabe et al. 2018). Unsteady playing shows in
    the deviation, not in the mean.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.width = 2 * width
        self.hidden = nn.Linear(width, width)
        self.score = nn.Linear(width, heads, bias=False)

    def forward(self, sequence: Tensor, mask: Tensor) -> Pooled:
        """Pool (B, S, width) over time to (B, 2 x width): all means, then all deviations.

        Steps where `mask` (B, S) is false get weight 0. Moments are float32.
        """
        score = self.score(torch.tanh(self.hidden(sequence))).float()
        weight = score.masked_fill(~mask[..., None], -torch.inf).softmax(dim=1)
        parts = sequence.float().reshape(*sequence.shape[:2], self.heads, -1)
        mean = (weight[..., None] * parts).sum(dim=1)
        variance = (weight[..., None] * (parts - mean[:, None]).square()).sum(dim=1)
        deviation = (variance + LEAST_VARIANCE).sqrt()
        return Pooled(vector=torch.cat([mean.flatten(1), deviation.flatten(1)], 1), weight=weight)


class Aggregation(nn.Module):
    """Steps (B, S, width) and true lengths (B,) to one vector (B, 4 x hidden) per clip.

    Two directions of the BiLSTM, two moments of each.
    """

    def __init__(self, width: int, config: AggregationConfig) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, config.hidden, batch_first=True, bidirectional=True)
        self.pooling = AttentionPooling(2 * config.hidden, config.heads)
        self.width = self.pooling.width

    def forward(self, steps: Tensor, lengths: Tensor) -> Pooled:
        """Return one vector per clip; steps beyond its length are ignored."""
        kind = steps.device.type
        half = torch.is_autocast_enabled(kind)
        if half and kind == "cpu" and not has_bfloat16_lstm():
            steps, half = steps.float(), False
        with torch.autocast(kind, enabled=half):
            packed = pack_padded_sequence(
                steps, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            states, _ = pad_packed_sequence(
                self.lstm(packed)[0], batch_first=True, total_length=steps.shape[1]
            )
        pooled: Pooled = self.pooling(states, length_mask(lengths, steps.shape[1]))
        return pooled
