"""Cross-modal contrastive loss: match the audio and the MIDI of one window within a batch."""

import torch
import torch.nn.functional as F
from torch import Tensor


def contrastive(audio: Tensor, midi: Tensor, both_present: Tensor, temperature: float) -> Tensor:
    """Return the symmetric InfoNCE loss of CLIP (Radford et al. 2021), a scalar.

    The logits are the cosine similarities of all windows' audio (N, W) with all windows' MIDI
    (N, W), divided by `temperature`; the loss is the mean of the cross-entropies audio to MIDI and
    MIDI to audio, log n for n windows that are not distinguished. Rows where `both_present` (N,)
    is false are left out; with fewer than two rows the loss is 0 with zero gradients. Two versions
    of one passage in a batch count as different windows.
    """
    audio, midi = audio[both_present], midi[both_present]
    if len(audio) < 2:
        # Not a constant: distributed training needs a gradient of every parameter.
        return 0.0 * (audio.sum() + midi.sum())
    logits = F.normalize(audio, dim=1) @ F.normalize(midi, dim=1).T / temperature
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
