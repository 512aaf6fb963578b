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
    segment in a batch count as different clips.
    """
    audio, midi = audio_clips[both_present], midi_clips[both_present]
    if len(audio) < 2:
        # Not a constant: distributed training needs a gradient of every parameter.
        return 0.0 * (audio.sum() + midi.sum())
    logits = F.normalize(audio, dim=1) @ F.normalize(midi, dim=1).T / temperature
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
