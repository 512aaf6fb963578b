"""Cross-modal contrastive loss: match the audio and the MIDI of one clip within a batch."""

import torch
import torch.nn.functional as F
from torch import Tensor


def contrastive(
    audio_clips: Tensor, midi_clips: Tensor, both_present: Tensor, temperature: float
) -> Tensor:
    """Return the symmetric InfoNCE loss of CLIP (Radford et al. 2021), a scalar.

    The logits are the cosine similarities of all audio clips (B, W) with all MIDI clips (B, W),
    divided by `temperature`; the loss is the mean of the cross-entropies audio to MIDI and MIDI to
    audio, log n for n clips that are not distinguished. Rows where `both_present` (B,) is false
    are left out; with fewer than two rows the loss is 0 with zero gradients. Two versions of one
    segment in a batch count as different clips. Raises ValueError on wrong shapes.
    """
    if audio_clips.shape != midi_clips.shape or audio_clips.ndim != 2:
        raise ValueError(
            "audio_clips and midi_clips must share a shape (B, W), got "
            f"{tuple(audio_clips.shape)} and {tuple(midi_clips.shape)}"
        )
    if both_present.shape != audio_clips.shape[:1] or both_present.dtype != torch.bool:
        raise ValueError(
            f"both_present must be bool of shape {tuple(audio_clips.shape[:1])}, got "
            f"{both_present.dtype} of shape {tuple(both_present.shape)}"
        )
    audio, midi = audio_clips[both_present], midi_clips[both_present]
    if len(audio) < 2:
        # Not a constant: distributed training needs a gradient of every parameter.
        return 0.0 * (audio.sum() + midi.sum())
    logits = F.normalize(audio, dim=1) @ F.normalize(midi, dim=1).T / temperature
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
