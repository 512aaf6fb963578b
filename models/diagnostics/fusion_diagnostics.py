"""The figures of a fusion over a split."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionDiagnostics:
    """Plain figures that JSON can hold; None where a figure is undefined.

    Over all real steps of the split:

    - `gate_mean`, `gate_spread` (standard deviation): one value per hidden channel; 1 is audio.
      A gate alone is no contribution: a gate of 1 on a side of norm 0 passes nothing.
    - `audio_share`: mean over steps of |a| / (|a| + |m|), a and m the contributions that sum to
      the fused step (for the GMU, gate times side); .5 is even.
    - `attention_entropy`: of each softmax over a clip's n real steps, entropy / log n: 1 is
      uniform, 0 is one step. "pooling", and with cross-attention "audio_to_midi" (audio
      queries) and "midi_to_audio"; mean over queries and heads.
    - `attention_share`: with cross-attention, the part of each side's enriched steps that came
      from the other modality: mean of |taken| / (|taken| + |own|) (Kobayashi et al. 2021).
      Attention weights do not show it, as each softmax covers one modality and sums to 1.

    Over a sample of clips chosen by their ids (see `models.diagnostics.watch`):

    - `retrieval_at_1`: given a clip's mean step of one modality, how often the nearest of
      `retrieval_clips` of the other is its own; `retrieval_chance` is 1 / `retrieval_clips`.
      Clips may be versions of one segment that sound alike, so 1 may be out of reach.
    - `cka`: linear CKA between the modalities' steps (see `alignment.linear_cka`).
    - `shift_steps`: the shift at which the modalities are most similar, each clip centred on
      its own mean; positive when audio is late. `shift_cka` is the CKA there: near 0, the shift
      means nothing.
    """

    gate_mean: tuple[float, ...] | None
    gate_spread: tuple[float, ...] | None
    audio_share: float | None
    attention_entropy: dict[str, float]
    attention_share: dict[str, float]
    retrieval_at_1: float | None
    retrieval_clips: int
    retrieval_chance: float | None
    cka: float | None
    shift_steps: int | None
    shift_cka: float | None

    def curves(self) -> dict[str, float]:
        """Return the figures that are single numbers, by name. Gates are means over channels."""
        figures: dict[str, float | None] = {
            "gate: mean": _mean(self.gate_mean),
            "gate: spread": _mean(self.gate_spread),
            "share: audio of the fused": self.audio_share,
            **{f"share: {name}": one for name, one in self.attention_share.items()},
            **{f"attention entropy: {name}": one for name, one in self.attention_entropy.items()},
            "alignment: retrieval@1": self.retrieval_at_1,
            "alignment: retrieval@1 by chance": self.retrieval_chance,
            "alignment: CKA": self.cka,
            "alignment: CKA at the best shift": self.shift_cka,
            "best shift: steps": self.shift_steps,
        }
        return {name: float(figure) for name, figure in figures.items() if figure is not None}


def _mean(values: tuple[float, ...] | None) -> float | None:
    return None if values is None else sum(values) / len(values)
