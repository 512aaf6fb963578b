"""MERT's hidden states: the input of `mert` audio models, computed once and stored."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
import torchaudio
from numpy.typing import NDArray
from torch import Tensor

from degradation.errors import UserError
from degradation.waveform import Waveform
from models.config.audio import MERT_RATE_HZ, MertFeatures
from models.inputs.mert import Mert

if TYPE_CHECKING:
    from transformers import HubertConfig

VARIANCE_FLOOR = 1e-7
"""Added to a clip's variance by `transformers.Wav2Vec2FeatureExtractor`, MERT's preprocessor."""


def mert_frames(
    clips: Sequence[Waveform], mert: Mert, config: MertFeatures
) -> list[NDArray[np.float16]]:
    """Return the hidden states of each clip, float16 of shape (frames, width), in order.

    Sound at another rate is resampled to 24 kHz (windowed sinc) and, if MERT was trained so,
    brought to zero mean and unit variance. The states of `layers` are averaged, and so are the
    states (75 per second) whose centres lie in one frame. Frame i covers [i, i + 1) /
    `frame_rate_hz` seconds; there is one for each begun interval. A frame without a centre, as at
    the end, repeats the nearest state.

    Batches of `clips_per_batch` (bfloat16 on a GPU) hold clips of one length: the first layer
    normalises over a clip's whole time, so that padding would change every state.

    Raises UserError for a clip too short for one state (400 samples), and for states that half
    precision cannot hold.
    """
    field, hop = _receptive_field(mert.model.config)
    alike: defaultdict[tuple[int, int], list[tuple[int, Tensor]]] = defaultdict(list)
    for index, clip in enumerate(clips):
        samples = _at_mert_rate(clip)
        if len(samples) < field:
            raise UserError(
                f"clip {index} has {len(samples)} samples at {MERT_RATE_HZ} Hz; expected at least "
                f"{field}, which one state of MERT sees: leave it out or record more"
            )
        frames = -(-len(clip.samples) * config.frame_rate_hz // clip.sample_rate_hz)
        alike[len(samples), frames].append((index, samples))
    features: dict[int, NDArray[np.float16]] = {}
    for (_, frames), members in alike.items():
        for start in range(0, len(members), config.clips_per_batch):
            indices, batch = zip(*members[start : start + config.clips_per_batch], strict=True)
            states = _states(torch.stack(batch), mert, config)
            pooling = pooling_matrix(states.shape[1], frames, config.frame_rate_hz, field, hop)
            rows = (pooling.to(states.device) @ states).half().cpu().numpy()
            features |= dict(zip(indices, rows, strict=True))
    for index, rows in features.items():
        if not np.isfinite(rows).all():
            raise UserError(
                f"MERT's states of clip {index} are not finite numbers in half precision; "
                "expected values below 65,504: choose another checkpoint"
            )
    return [features[index] for index in range(len(clips))]


def pooling_matrix(
    states: int, frames: int, frame_rate_hz: int, field_samples: int, hop_samples: int
) -> Tensor:
    """Return (frames, states), float32: each row averages the states centred in its frame.

    State j covers `field_samples` samples at 24 kHz from `hop_samples` x j on. A frame without a
    centre takes the state nearest to its middle. A matrix product is deterministic on a GPU, sums
    over indices are not.
    """
    # Twice the centre, in samples: integers, so that rounding moves no centre to another frame.
    twice_centre = 2 * hop_samples * torch.arange(states) + field_samples
    frame = torch.arange(frames)[:, None]
    matrix = (twice_centre * frame_rate_hz // (2 * MERT_RATE_HZ) == frame).float()
    twice_middle = (2 * frame + 1) * MERT_RATE_HZ / frame_rate_hz
    nearest = F.one_hot((twice_centre - twice_middle).abs().argmin(1), states).float()
    matrix = torch.where(matrix.any(1, keepdim=True), matrix, nearest)
    return matrix / matrix.sum(1, keepdim=True)


def _receptive_field(config: "HubertConfig") -> tuple[int, int]:
    """Return the samples that one state covers, and those from one state to the next."""
    field, hop = 1, 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        field += (kernel - 1) * hop
        hop *= stride
    return field, hop


def _at_mert_rate(clip: Waveform) -> Tensor:
    samples = torch.from_numpy(clip.samples.copy())
    if clip.sample_rate_hz != MERT_RATE_HZ and len(samples):
        samples = torchaudio.functional.resample(samples, clip.sample_rate_hz, MERT_RATE_HZ)
    return samples


@torch.inference_mode()
def _states(batch: Tensor, mert: Mert, config: MertFeatures) -> Tensor:
    """Return (clips, states, width), float32: the mean over layers, from samples (clips, n)."""
    batch = batch.to(mert.model.device)
    if mert.normalise:
        batch = F.layer_norm(batch, batch.shape[1:], eps=VARIANCE_FLOOR)
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=batch.device.type == "cuda"):
        hidden = mert.model(batch, output_hidden_states=True).hidden_states
    return torch.stack([hidden[layer].float() for layer in config.layers]).mean(0)
