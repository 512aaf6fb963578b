"""An experiment's network: encoders, projections, fusion, aggregation and score head."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from labeling.measures import PLAIN
from models.config.experiment import (
    ENCODES_NOTES,
    MODALITIES,
    Experiment,
    ExperimentConfig,
    Modality,
)
from models.hearing.detector import NoteDetector
from models.inputs.batch import Batch, NoteBatch, length_mask
from models.networks.aggregation import Aggregation, Pooled
from models.networks.audio_encoder import AudioEncoder
from models.networks.fusion import Fused, make_fusion
from models.networks.measure_reader import MeasureReader
from models.networks.midi_encoder import EMBEDDINGS, NoteEncoder
from models.networks.projection import Projection
from models.networks.score_head import ScoreHead


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Presence:
    """Which clips' audio and MIDI a fusion model is given: masks (B,), at least one true."""

    audio: Tensor
    midi: Tensor

    @property
    def both(self) -> Tensor:
        """The clips with both modalities."""
        return self.audio & self.midi


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkOutput:
    """Scores (B, 8) and the intermediate values that losses and diagnostics need.

    `standardised` (B, 8) and `ordinal_logits` are the head's outputs; `audio_steps` and
    `midi_steps` (B, S, width) the projected modalities (None without that modality), `presence`
    which of them were used; `mask` (B, S) is true on real steps. `by_modality` holds what heads of
    single modalities say (B, 8), like `standardised`: in training, where they are switched on.
    """

    scores: Tensor
    standardised: Tensor
    ordinal_logits: Tensor | None
    pooled: Pooled
    mask: Tensor
    fused: Fused | None = None
    audio_steps: Tensor | None = None
    midi_steps: Tensor | None = None
    presence: Presence | None = None
    by_modality: Mapping[Modality, Tensor] = field(default_factory=dict)


def draw_presence(
    clips: int, modality_dropout: float, rng: torch.Generator, device: torch.device | str = "cpu"
) -> Presence:
    """Drop the audio of some clips and the MIDI of others, each with half the rate."""
    drawn = torch.rand(clips, generator=rng).to(device)
    return Presence(
        audio=drawn >= modality_dropout / 2,
        midi=(drawn < modality_dropout / 2) | (drawn >= modality_dropout),
    )


def _on_steps(encoder: NoteEncoder, reader: nn.Module, notes: NoteBatch, steps: Tensor) -> Tensor:
    """Return encoded notes on the time grid (B, S, width), each beside what `reader` reads."""
    beside = reader(notes.fields, notes.mask)
    encoded: Tensor = encoder(notes.fields, notes.mask, int(steps.max()), beside=beside)
    return encoded


class GradingNetwork(nn.Module):
    """Batch to grades; an experiment has only the layers that it uses."""

    def __init__(self, experiment: Experiment, config: ExperimentConfig) -> None:
        super().__init__()
        self.detector: NoteDetector | None = None
        width = config.projection.width
        modalities = MODALITIES[experiment]
        if "audio" in modalities:
            self.audio_encoder = AudioEncoder(
                config.audio_features.width, config.audio_frames_per_step, config.audio_encoder
            )
            audio_width = self.audio_encoder.width
            if config.hearing:
                # Frozen: what it hears is computed once, and stored with the features.
                self.detector = NoteDetector(config.hearing.detector).requires_grad_(False)
                self.heard_encoder = NoteEncoder(config.grid_rate_hz, config.midi_encoder)
                self.heard_reader = EMBEDDINGS[config.midi_encoder.tokens](config.midi_encoder)
                audio_width += config.midi_encoder.width
                self.heard_measures = MeasureReader(width, config.head.dropout)
            self.audio_projection = Projection(audio_width, width)
        if experiment in ENCODES_NOTES:
            self.midi_encoder = NoteEncoder(config.grid_rate_hz, config.midi_encoder)
            # Pretraining teaches the encoder which notes are likely, little of how they are
            # played. So each note also has an embedding that is trained from scratch.
            self.midi_reader = EMBEDDINGS[config.midi_encoder.tokens](config.midi_encoder)
            self.midi_projection = Projection(config.midi_encoder.width, width)
        if "midi" in modalities:
            self.midi_measures = MeasureReader(width, config.head.dropout)
        if len(modalities) == 2:
            self.no_audio = nn.Parameter(torch.zeros(width))
            self.no_midi = nn.Parameter(torch.zeros(width))
            self.fusion = make_fusion(experiment, width, config.fusion)
            # Fused steps are as wide as one modality's, and a deviation over time in one is lost
            # among the other's. So each modality is also pooled by itself.
            self.own_aggregation = nn.ModuleDict(
                {
                    modality: Aggregation(width, config.aggregation)
                    for modality in sorted(modalities)
                }
            )
        self.experiment = experiment
        self.modalities = modalities
        pooled = 3 if len(modalities) == 2 else 1
        vector = width * (("midi" in modalities) + (self.detector is not None))
        if experiment != "heuristics_only":
            self.aggregation = Aggregation(width, config.aggregation)
            vector += pooled * self.aggregation.width
        coral = config.loss.coral
        self.head = ScoreHead(vector, len(coral.thresholds) if coral else 0, config.head)
        heads = sorted(modalities) if pooled == 3 and config.loss.modality_heads else []
        self.modality_heads = nn.ModuleDict(
            {modality: ScoreHead(self.aggregation.width, 0, config.head) for modality in heads}
        )

    def _audio(self, batch: Batch) -> Tensor | None:
        if "audio" not in self.modalities or batch.audio is None:
            return None
        frames: Tensor = self.audio_encoder(batch.audio, batch.audio_frames)
        if self.detector is not None:
            assert batch.heard is not None
            heard = _on_steps(self.heard_encoder, self.heard_reader, batch.heard, batch.steps)
            frames = torch.cat([frames, heard], dim=-1)
        steps: Tensor = self.audio_projection(frames)
        return steps

    def _measures(self, batch: Batch, presence: Presence | None, mask: Tensor) -> list[Pooled]:
        """Return what measures tell: of the notes, and of those that are heard.

        An experiment without the modality has none; where it is absent they are undefined.
        """

        def read(reader: MeasureReader, notes: NoteBatch | None, present: Tensor | None) -> Pooled:
            undefined = torch.full((len(mask), len(PLAIN)), torch.nan, device=mask.device)
            measures = undefined if notes is None else notes.measures
            if present is not None:
                measures = torch.where(present[:, None], measures, undefined)
            told: Pooled = reader(measures, mask)
            return told

        found = []
        if "midi" in self.modalities:
            found.append(
                read(self.midi_measures, batch.notes, None if presence is None else presence.midi)
            )
        if self.detector is not None:
            found.append(
                read(self.heard_measures, batch.heard, None if presence is None else presence.audio)
            )
        return found

    def _midi(self, batch: Batch) -> Tensor | None:
        if self.experiment not in ENCODES_NOTES or batch.notes is None:
            return None
        notes = _on_steps(self.midi_encoder, self.midi_reader, batch.notes, batch.steps)
        steps: Tensor = self.midi_projection(notes)
        return steps

    def _sides(
        self, audio: Tensor | None, midi: Tensor | None, presence: Presence, mask: Tensor
    ) -> dict[Modality, Tensor]:
        """Return each modality's steps, with a learned vector in place of an absent one."""

        def or_absent(steps: Tensor | None, present: Tensor, absent: Tensor) -> Tensor:
            shape = (*mask.shape, len(absent))
            if steps is None:
                return absent.expand(shape)
            return torch.where(present[:, None, None], steps, absent.to(steps.dtype))

        return {
            "audio": or_absent(audio, presence.audio, self.no_audio),
            "midi": or_absent(midi, presence.midi, self.no_midi),
        }

    def forward(self, batch: Batch, presence: Presence | None = None) -> NetworkOutput:
        """Return the grades of a batch.

        A fusion model uses the modalities that the batch has, less those that `presence` masks.
        Raises ValueError when the batch has no modality of this experiment.
        """
        audio, midi = self._audio(batch), self._midi(batch)
        mask = length_mask(batch.steps, int(batch.steps.max()))
        fused: Fused | None = None
        if self.experiment == "heuristics_only" and batch.notes is not None:
            return self._grades(self._measures(batch, None, mask)[0], mask)
        if audio is None and midi is None:
            wanted = " or ".join(sorted(self.modalities))
            raise ValueError(f"{self.experiment} needs {wanted}, and the batch has none")
        if len(self.modalities) == 2:
            everyone = torch.ones_like(batch.steps, dtype=torch.bool)
            presence = presence or Presence(audio=everyone, midi=everyone)
            presence = Presence(
                audio=presence.audio & (audio is not None), midi=presence.midi & (midi is not None)
            )
            sides = self._sides(audio, midi, presence, mask)
            fused = self.fusion(sides["audio"], sides["midi"], mask)
        else:
            presence, sides = None, {}
        single = audio if midi is None else midi
        pooled = self.aggregation(single if fused is None else fused.steps, batch.steps)
        own = {
            name: self.own_aggregation[name](side, batch.steps).vector
            for name, side in sides.items()
        }
        measures = [told.vector for told in self._measures(batch, presence, mask)]
        return replace(
            self._grades(pooled, mask, *own.values(), *measures),
            fused=fused,
            audio_steps=audio,
            midi_steps=midi,
            presence=presence,
            by_modality={
                name: self.modality_heads[name](vector).standardised
                for name, vector in own.items()
                if self.training and name in self.modality_heads
            },
        )

    def _grades(self, pooled: Pooled, mask: Tensor, *own: Tensor) -> NetworkOutput:
        """Return the head's grades of what was pooled, and of each modality's own vector."""
        graded = self.head(torch.cat([pooled.vector, *own], dim=1))
        return NetworkOutput(
            scores=self.head.scores(graded.standardised),
            standardised=graded.standardised,
            ordinal_logits=graded.ordinal_logits,
            pooled=pooled,
            mask=mask,
        )
