"""Looks on while a split passes through a model, and says what its fusion did."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from degradation.seeds import digest_int
from models.diagnostics.alignment import best_shift, linear_cka, retrieval_at_1
from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.diagnostics.moments import Moments
from models.networks.aggregation import Pooled
from models.networks.fusion.fused import Fused

RETRIEVAL_CLIPS = 512
"""Clips among which each is sought."""
SAMPLED_STEPS = 4096
"""Steps at which CKA is taken: whole clips, until there are so many."""
LARGEST_SHIFT_STEPS = 10
"""Shifts that are tried, to either side."""

Pair = tuple[Tensor, Tensor]


def relative_entropy(weight: Tensor, mask: Tensor) -> Tensor:
    """Return the entropy of attention weights as a part of the largest there could be, 0-1.

    `weight` (B, ..., S) sums to 1 over the real steps of `mask` (B, S), at least two a clip;
    the result is (B, ...).
    """
    largest = mask.sum(dim=1).float().log().view(-1, *[1] * (weight.ndim - 2))
    entropy: Tensor = torch.special.entr(weight.float()).sum(dim=-1)
    return entropy / largest


def norm_shares(part: Tensor, other: Tensor) -> Tensor:
    """Return |part| / (|part| + |other|) for each row of (n, W), but for rows of nothing."""
    part_norm, other_norm = (
        torch.linalg.vector_norm(side.float(), dim=1) for side in (part, other)
    )
    total = part_norm + other_norm
    shares: Tensor = (part_norm / total)[total != 0]
    return shares


def _on_cpu(pair: Pair) -> Pair:
    return pair[0].cpu(), pair[1].cpu()


def _sides(pairs: dict[int, Pair]) -> tuple[list[Tensor], list[Tensor]]:
    """All audio and all MIDI, in the order of the keys."""
    ordered = [pairs[key] for key in sorted(pairs)]
    return [sound for sound, _ in ordered], [notes for _, notes in ordered]


@dataclass(slots=True, eq=False)
class FusionWatch:
    """What has been seen so far; small (tens of MB at most), picklable, and to be merged.

    The sampled clips are those of the lowest digests of their ids: the same in every epoch and
    experiment, from all over the split, in whatever order or process they come.
    """

    moments: dict[tuple[str, str], Moments] = field(default_factory=dict)
    """By figure and, where a figure has several, by what it is of."""
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
        """Take in a batch of B clips, seen in evaluation mode, of any device and float type.

        `fused` is None for a model of one modality. `audio_steps` and `midi_steps` (B, S, W)
        are the projected steps, before fusion; without both, nothing is said of alignment.
        `mask` (B, S) is true on real steps.

        Raises ValueError when `mask` is not one row a sample id.
        """
        if mask.ndim != 2 or len(mask) != len(sample_ids):
            raise ValueError(
                f"mask must be ({len(sample_ids)}, steps), one row a sample id, got "
                f"{tuple(mask.shape)}"
            )
        # One step leaves attention no choice, and so no entropy to speak of.
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
        self._observe("audio_share", "", norm_shares(fused.audio[mask], fused.midi[mask]))
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
        """Let go of the clips that the sample has no room for."""
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
        """Return the watch that would have seen all that `watches` have seen between them."""
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
        """Return the figures of all that was seen."""
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
