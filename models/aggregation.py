"""A sequence of any length as one vector: BiLSTM, then multi-head attention pooling."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models.batch import length_mask
from models.config import AggregationConfig


class AttentionPooling(nn.Module):
    """Each head averages its share of the channels with attention weights of its own.

    Weights are softmax over time of v_h . tanh(W x) (Lin et al. 2017, self-attentive embedding).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.hidden = nn.Linear(width, width)
        self.score = nn.Linear(width, heads, bias=False)

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """Return (B, width) from (B, steps, width); steps where `mask` is false weigh nothing."""
        score = self.score(torch.tanh(self.hidden(sequence)))
        weight = score.masked_fill(~mask[..., None], -torch.inf).softmax(dim=1)
        parts = sequence.reshape(*sequence.shape[:2], self.heads, -1)
        pooled: Tensor = (weight[..., None] * parts).sum(dim=1).flatten(1)
        return pooled


class Aggregation(nn.Module):
    """(B, steps, width) and true lengths (B,) to (B, 2 x hidden)."""

    def __init__(self, width: int, config: AggregationConfig) -> None:
        super().__init__()
        self.width = 2 * config.hidden
        self.lstm = nn.LSTM(width, config.hidden, batch_first=True, bidirectional=True)
        self.pooling = AttentionPooling(self.width, config.heads)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Return one vector an example; what lies beyond its length changes nothing."""
        packed = pack_padded_sequence(steps, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=steps.shape[1]
        )
        pooled: Tensor = self.pooling(states, length_mask(lengths, steps.shape[1]))
        return pooled
