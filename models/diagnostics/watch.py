"""Collects what a fusion does while a split passes through a model."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from degradation.seeds import digest_int
from models.diagnostics.alignment import best_shift, linear_cka, retrieval_at_1
from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.diagnostics.moments import Moments
from models.networks.aggregation import Pooled
from models.networks.fusion.fused import Fused, norm_share

RETRIEVAL_CLIPS = 512
"""Clips among which retrieval searches."""
SAMPLED_STEPS = 4096
"""Steps that CKA is computed on: whole clips are added until there are this many."""
LARGEST_SHIFT_STEPS = 10
"""Largest shift that is tried, in either direction."""

Pair = tuple[Tensor, Tensor]


def relative_entropy(weight: Tensor, mask: Tensor) -> Tensor:
    """Return the entropy of attention weights divided by its maximum, 0-1.

    `weight` (B, ..., S) sums to 1 over the real steps of `mask` (B, S), at least two a clip;
    the result is (B, ...).
    """
    largest = mask.sum(dim=1).float().log().view(-1, *[1] * (weight.ndim - 2))
    entropy: Tensor = torch.special.entr(weight.float()).sum(dim=-1)
    return entropy / largest


def _on_cpu(pair: Pair) -> Pair:
    return pair[0].cpu(), pair[1].cpu()


def _sides(pairs: dict[int, Pair]) -> tuple[list[Tensor], list[Tensor]]:
    """All audio and all MIDI, in the order of the keys."""
    ordered = [pairs[key] for key in sorted(pairs)]
    return [sound for sound, _ in ordered], [notes for _, notes in ordered]


@dataclass(slots=True, eq=False)
class FusionWatch:
    """Running figures of a fusion: tens of MB at most, picklable, and mergeable.

    Sampled are the clips with the lowest digests of their ids: the same in every epoch and
    experiment, spread over the split, whatever the order or the process.
    """

    moments: dict[tuple[str, str], Moments] = field(default_factory=dict)
    """By figure and, where a figure has several, by its subject."""
    vectors: dict[int, Pair] = field(default_factory=dict)
    """Each sampled clip's mean audio and MIDI step, (W,) each, for retrieval."""
    steps: dict[int, Pair] = field(default_factory=dict)
    """Audio and MIDI steps (S, W) of the clips sampled for CKA and shift."""

    @torch.no_grad()
    def add(
        self,
        *,
        sample_ids: Sequence[str],
        fused: Fused | None,
        pooled: Pooled,
        audio_steps: Tensor | None,
        midi_steps: Tensor | None,
        mask: Tensor,
    ) -> None:
        """Add a batch of B clips, evaluated on any device and in any float type.

        `fused` is None for a model of one modality. `audio_steps` and `midi_steps` (B, S, W) are
        the projected steps before fusion; alignment needs both. `mask` (B, S) is true on real
        steps.
        """
        # Attention over a single step has no entropy.
        several = mask.sum(dim=1) > 1
        pooling = relative_entropy(pooled.weight[several].transpose(1, 2), mask[several])
        self._observe("entropy", "pooling", pooling.flatten())
        if fused is not None:
            self._add_fused(fused, mask)
        if audio_steps is not None and midi_steps is not None:
            self._add_clips(sample_ids, audio_steps, midi_steps, mask)

    def _observe(self, figure: str, of: str, observations: Tensor) -> None:
        seen = Moments.of(observations)
        if seen.count:
            before = self.moments.get((figure, of))
            self.moments[figure, of] = Moments.together([before, seen] if before else [seen])

    def _add_fused(self, fused: Fused, mask: Tensor) -> None:
        shares = norm_share(fused.audio[mask], fused.midi[mask])
        self._observe("audio_share", "", shares[~shares.isnan()])
        if fused.gate is not None:
            self._observe("gate", "", fused.gate[mask])
        several = mask.sum(dim=1) > 1
        for name, weight in fused.attention.items():
            entropy = relative_entropy(weight[several], mask[several])
            self._observe("entropy", name, entropy.transpose(1, 2)[mask[several]].flatten())
        for name, ratio in fused.mixing.items():
            self._observe("share", name, ratio[mask])

    def _add_clips(
        self, sample_ids: Sequence[str], audio: Tensor, midi: Tensor, mask: Tensor
    ) -> None:
        for sample_id, sound, notes, real in zip(sample_ids, audio, midi, mask, strict=True):
            key = digest_int(sample_id)
            pair = (sound[real].float(), notes[real].float())
            self.steps[key] = pair
            self.vectors[key] = (pair[0].mean(dim=0), pair[1].mean(dim=0))
        self._sample()

    def _sample(self) -> None:
        """Drop the clips beyond the sample's size."""
        self.vectors = {
            key: _on_cpu(self.vectors[key]) for key in sorted(self.vectors)[:RETRIEVAL_CLIPS]
        }
        candidates, self.steps, held = self.steps, {}, 0
        for key in sorted(candidates):
            if held >= SAMPLED_STEPS:
                break
            self.steps[key] = _on_cpu(candidates[key])
            held += len(candidates[key][0])

    @staticmethod
    def merge(watches: Sequence["FusionWatch"]) -> "FusionWatch":
        """Return one watch with the observations of all `watches`."""
        merged = FusionWatch()
        for key in sorted({key for watch in watches for key in watch.moments}):
            parts = [watch.moments[key] for watch in watches if key in watch.moments]
            merged.moments[key] = Moments.together(parts)
        for watch in watches:
            merged.vectors |= watch.vectors
            merged.steps |= watch.steps
        merged._sample()
        return merged

    def _means(self, figure: str) -> dict[str, float]:
        return {
            of: float(moments.mean)
            for (named, of), moments in sorted(self.moments.items())
            if named == figure
        }

    def result(self) -> FusionDiagnostics:
        """Return the figures over all added batches."""
        gate = self.moments.get(("gate", ""))
        clips = len(self.vectors)
        retrieval = cka = shift = None
        if clips:
            vectors, steps = _sides(self.vectors), _sides(self.steps)
            retrieval = retrieval_at_1(torch.stack(vectors[0]), torch.stack(vectors[1]))
            cka = linear_cka(torch.cat(steps[0]), torch.cat(steps[1]))
            shift = best_shift(*steps, LARGEST_SHIFT_STEPS)
        return FusionDiagnostics(
            gate_mean=None if gate is None else tuple(gate.mean.tolist()),
            gate_spread=None if gate is None else tuple(gate.spread.tolist()),
            audio_share=self._means("audio_share").get(""),
            attention_entropy=self._means("entropy"),
            attention_share=self._means("share"),
            retrieval_at_1=retrieval,
            retrieval_clips=clips,
            retrieval_chance=None if retrieval is None else 1 / clips,
            cka=cka,
            shift_steps=None if shift is None else shift.steps,
            shift_cka=None if shift is None else shift.cka,
        )
