"""Three fusions of two modalities, with one signature.

Each takes audio and MIDI steps (B, S, W) on one time grid and a mask (B, S) that is true on real
steps, and returns `Fused`.
"""

from torch import nn

from models.config.experiment import Experiment, FusionConfig
from models.networks.fusion.concat import ConcatFusion
from models.networks.fusion.crossattn import CrossAttentionFusion
from models.networks.fusion.fused import Fused
from models.networks.fusion.gated import GatedFusion

__all__ = ["ConcatFusion", "CrossAttentionFusion", "Fused", "GatedFusion", "make_fusion"]


def make_fusion(experiment: Experiment, width: int, config: FusionConfig) -> nn.Module:
    """Return the fusion of an experiment, with new weights.

    Raises ValueError for an experiment of one modality.
    """
    match experiment:
        case "gated":
            return GatedFusion(width)
        case "concat":
            return ConcatFusion(width)
        case "crossattn":
            return CrossAttentionFusion(width, config.heads)
        case "heuristics_only" | "audio_only" | "midi_only":
            raise ValueError(f"experiment must have two modalities to fuse, got {experiment!r}")
