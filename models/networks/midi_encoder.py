"""The MIDI encoder: a transformer over notes, whose outputs are then laid on the time grid."""

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
"""What reads each kind of token."""

LONGEST_RUN = 8
"""Hidden notes in a row that are told apart by their place in it; those beyond share one."""


def notes_on_steps(
    embedded: Tensor, onset_s: Tensor, note_mask: Tensor, steps: int, grid_rate_hz: int
) -> tuple[Tensor, Tensor]:
    """Lay notes on the time grid: the mean of those struck during each step.

    `embedded` (B, N, D), `onset_s` and `note_mask` (B, N). Step j spans
    [j, j + 1) / `grid_rate_hz` seconds; an onset beyond the grid joins the last step, so that
    none is dropped. Returns means (B, steps, D), 0 where nothing is struck, and the number
    of notes (B, steps); both float32, as bfloat16 cannot count beyond 256.
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
    """Return all that may be said of when each note begins: (B, N) seconds, (B, N) places.

    Of a visible note its onset, and 0. Of a hidden one the onset of the last visible note
    before it (the clip's start where there is none), and how many places it comes after that.
    """
    anchor = last_visible(visible)
    anchor_s = onset_s.gather(1, anchor.clamp_min(0)).masked_fill(anchor < 0, 0.0)
    place = torch.arange(visible.shape[1], device=visible.device)
    return anchor_s, place - anchor


class NoteEncoder(nn.Module):
    """Tokens through a pre-norm transformer, pooled onto steps by onset.

    `config.tokens` chooses what reads a note (`EMBEDDINGS`); sinusoids of its onset, in
    seconds, tell when it begins. Notes can be hidden, to be guessed from the others (see
    `models.training.pretraining`): then nothing that this class returns depends on what they hold.
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
        # Dropped attention weights would cost the fused kernel and half of the training's time.
        layer.self_attn.dropout = 0.0
        self.layers = nn.TransformerEncoder(
            layer, config.layers, nn.LayerNorm(config.width), enable_nested_tensor=False
        )
        self.nothing_struck = nn.Parameter(torch.zeros(config.width))

    def embed(
        self, notes: dict[str, Tensor], note_mask: Tensor, masked: Tensor | None = None
    ) -> Tensor:
        """Return one vector a note, (B, N, width), before the notes have heard each other."""
        visible = note_mask if masked is None else note_mask & ~masked
        anchor_s, places = anchors(self.embedding.onset_s(notes), visible)
        unseen = self.hidden_note + self.place_in_run(places.clamp_max(LONGEST_RUN))
        what = torch.where(visible[..., None], self.embedding(notes, visible), unseen)
        when: Tensor = self.when(sinusoids(anchor_s, self.periods_s))
        return what + when

    def hear(
        self, notes: dict[str, Tensor], note_mask: Tensor, masked: Tensor | None = None
    ) -> Tensor:
        """Return each note in its context, (B, N, width).

        `notes` holds each field of the tokens as (B, N), `note_mask` (B, N) is true where there
        is a note. Of those `masked` (B, N) the encoder knows only their place in the order;
        what it says of padding means nothing.
        """
        # Attention over no note at all is 0 / 0: a silent clip attends to its padding,
        # which is then not laid on any step.
        padding = ~note_mask & note_mask.any(1, keepdim=True)
        heard: Tensor = self.layers(
            self.embed(notes, note_mask, masked), src_key_padding_mask=padding
        )
        return heard

    def forward(
        self, notes: dict[str, Tensor], note_mask: Tensor, steps: int, beside: Tensor | None = None
    ) -> Tensor:
        """Return (B, steps, width); steps in which nothing is struck get a learned vector.

        `beside` (B, N, width) is added to each note in its context.
        """
        heard = self.hear(notes, note_mask)
        if beside is not None:
            heard = heard + beside
        onset_s = self.embedding.onset_s(notes)
        mean, count = notes_on_steps(heard, onset_s, note_mask, steps, self.grid_rate_hz)
        return torch.where(count[..., None] > 0, mean, self.nothing_struck)
