"""What every fusion returns: the fused steps, and what each modality gave to them."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fused:
    """B clips of S steps, `width` W each, of two modalities made one.

    `steps` (B, S, W) is `audio` + `midi` + a constant: the contributions, (B, S, W) each.
    A modality whose steps are all zero contributes zero.

    `gate` (B, S, W) lies in 0-1, where 1 is audio; None without a gate.
    `attention` (B, heads, S, S), rows sum to 1, and `mixing` (B, S), 0-1, are of cross-attention
    in evaluation mode, {} otherwise; under "audio_to_midi" audio asks MIDI, under
    "midi_to_audio" MIDI asks audio. `mixing` is how much of a step's enriched vector came from
    the other modality: |taken| / (|taken| + |own|), the mixing ratio of attention and residual
    of Kobayashi et al. (2021, "Incorporating residual and normalization layers into analysis of
    masked language models").

    What padded steps hold means nothing.
    """

    steps: Tensor
    audio: Tensor
    midi: Tensor
    gate: Tensor | None = None
    attention: dict[str, Tensor] = field(default_factory=dict)
    mixing: dict[str, Tensor] = field(default_factory=dict)
