"""The network of masked pretraining: the MIDI encoder, and a guess of each field of a note."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.networks.midi_encoder import NoteEncoder
from models.training.pretraining.windows import MaskedBatch


class MaskedNoteModel(nn.Module):
    """Each field's class is read off the encoder's output by one linear layer."""

    def __init__(self, encoder: NoteEncoder, vocabulary: Mapping[str, int]) -> None:
        super().__init__()
        self.encoder = encoder
        self.vocabulary = dict(vocabulary)
        # One matrix for all fields, cut after: seven fewer small products a step.
        self.heads = nn.Linear(encoder.width, sum(vocabulary.values()))

    def forward(self, batch: MaskedBatch) -> dict[str, Tensor]:
        """Return logits (guessed notes, classes) of each field, in float32."""
        heard = self.encoder.hear(batch.notes, batch.note_mask, batch.hidden)[batch.guessed]
        logits = self.heads(heard).float().split(list(self.vocabulary.values()), dim=-1)
        return dict(zip(self.vocabulary, logits, strict=True))


def field_losses(logits: Mapping[str, Tensor], classes: Tensor) -> dict[str, Tensor]:
    """Return each field's cross-entropy in nats, the mean over `classes` (notes, fields)."""
    return {
        field: F.cross_entropy(guess, true)
        for (field, guess), true in zip(logits.items(), classes.unbind(-1), strict=True)
    }


def total_loss(losses: Mapping[str, Tensor], vocabulary: Mapping[str, int]) -> Tensor:
    """Return the mean of the fields' losses, each weighted by its number of classes (MidiBERT)."""
    weighted = torch.stack([vocabulary[field] * loss for field, loss in losses.items()])
    return weighted.sum() / sum(vocabulary.values())
