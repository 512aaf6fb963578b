"""The MIDI encoder: a transformer over notes, whose outputs are averaged on the time grid."""

import math

import torch
from torch import Tensor, nn

from models.config.midi import MidiEncoderConfig, TokenName
from models.networks.note_embedding import (
    INITIAL_SPREAD,
    OctupleEmbedding,
    PerformanceEmbedding,
    last_visible,
    sinusoids,
)

EMBEDDINGS: dict[TokenName, type[PerformanceEmbedding] | type[OctupleEmbedding]] = {
    "performance": PerformanceEmbedding,
    "octuple": OctupleEmbedding,
}
"""The embedding of each kind of token."""

LONGEST_RUN = 8
"""Places within a run of hidden notes that have their own embedding; later places share one."""


def notes_on_steps(
    embedded: Tensor, onset_s: Tensor, note_mask: Tensor, steps: int, grid_rate_hz: int
) -> tuple[Tensor, Tensor]:
    """Return the mean of the notes struck during each step of the time grid.

    `embedded` (B, N, D), `onset_s` and `note_mask` (B, N). Step j spans
    [j, j + 1) / `grid_rate_hz` seconds; an onset beyond the grid counts in the last step. Returns
    means (B, steps, D), 0 where nothing is struck, and the number of notes (B, steps); both
    float32, as bfloat16 cannot count beyond 256.
    """
    batch, _, width = embedded.shape
    step = (onset_s.double() * grid_rate_hz).long().clamp(0, steps - 1)
    place = (step + steps * torch.arange(batch, device=step.device)[:, None])[note_mask]
    notes = embedded[note_mask].float()
    total = notes.new_zeros(batch * steps, width).index_add(0, place, notes)
    count = notes.new_zeros(batch * steps).index_add(0, place, torch.ones_like(notes[:, 0]))
    mean = total / count.clamp_min(1)[:, None]
    return mean.view(batch, steps, width), count.view(batch, steps)


def anchors(onset_s: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the encoder may know of each onset: (B, N) seconds and (B, N) places.

    For a visible note its onset and 0; for a hidden one the onset of the last visible note before
    it (0 s without one) and the number of places after that note.
    """
    anchor = last_visible(visible)
    anchor_s = onset_s.gather(1, anchor.clamp_min(0)).masked_fill(anchor < 0, 0.0)
    place = torch.arange(visible.shape[1], device=visible.device)
    return anchor_s, place - anchor


class NoteEncoder(nn.Module):
    """Tokens through a pre-norm transformer, pooled onto steps by onset.

    A note is the sum of its embedding (`EMBEDDINGS`, chosen by `config.tokens`) and a projection
    of sinusoids of its onset in seconds. Notes can be hidden, to be predicted from the others
    (`models.training.pretraining`): then no output depends on their content.
    """

    periods_s: Tensor

    def __init__(self, grid_rate_hz: int, config: MidiEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.grid_rate_hz = grid_rate_hz
        self.width = config.width
        self.embedding = EMBEDDINGS[config.tokens](config)
        periods_s = torch.logspace(
            math.log10(config.shortest_period_s),
            math.log10(config.longest_period_s),
            config.width // 2,
        )
        self.register_buffer("periods_s", periods_s, persistent=False)
        self.when = nn.Linear(config.width, config.width, bias=False)
        self.hidden_note = nn.Parameter(torch.empty(config.width))
        self.place_in_run = nn.Embedding(LONGEST_RUN + 1, config.width)
        for weight in (self.when.weight, self.hidden_note, self.place_in_run.weight):
            nn.init.normal_(weight, std=INITIAL_SPREAD)
        layer = nn.TransformerEncoderLayer(
            config.width,
            config.heads,
            config.feedforward,
            config.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        # Dropout on attention weights rules out the fused kernel and would double training time.
        layer.self_attn.dropout = 0.0
        self.layers = nn.TransformerEncoder(
            layer, config.layers, nn.LayerNorm(config.width), enable_nested_tensor=False
        )
        self.nothing_struck = nn.Parameter(torch.zeros(config.width))

    def embed(
        self, notes: dict[str, Tensor], note_mask: Tensor, masked: Tensor | None = None
    ) -> Tensor:
        """Return one vector per note (B, N, width), before attention."""
        visible = note_mask if masked is None else note_mask & ~masked
        anchor_s, places = anchors(self.embedding.onset_s(notes), visible)
        hidden = self.hidden_note + self.place_in_run(places.clamp_max(LONGEST_RUN))
        content = torch.where(visible[..., None], self.embedding(notes, visible), hidden)
        when: Tensor = self.when(sinusoids(anchor_s, self.periods_s))
        return content + when

    def encode(
        self, notes: dict[str, Tensor], note_mask: Tensor, masked: Tensor | None = None
    ) -> Tensor:
        """Return each note in its context, (B, N, width).

        `notes` holds each field of the tokens as (B, N), `note_mask` (B, N) is true where there
        is a note. Of notes where `masked` (B, N) is true only the place in the order is used.
        Values at padding are undefined.
        """
        # Attention over no note at all is 0 / 0. So a silent clip attends to its padding, whose
        # output is then used in no step.
        padding = ~note_mask & note_mask.any(1, keepdim=True)
        encoded: Tensor = self.layers(
            self.embed(notes, note_mask, masked), src_key_padding_mask=padding
        )
        return encoded

    def forward(
        self, notes: dict[str, Tensor], note_mask: Tensor, steps: int, beside: Tensor | None = None
    ) -> Tensor:
        """Return (B, steps, width); steps without an onset get a learned vector.

        `beside` (B, N, width) is added to each encoded note.
        """
        encoded = self.encode(notes, note_mask)
        if beside is not None:
            encoded = encoded + beside
        onset_s = self.embedding.onset_s(notes)
        mean, count = notes_on_steps(encoded, onset_s, note_mask, steps, self.grid_rate_hz)
        return torch.where(count[..., None] > 0, mean, self.nothing_struck)
