"""What training makes small: each term a pure function, summed with the file's weights."""

import torch.nn.functional as F
from torch import Tensor

from models.config import LossConfig


def loss_terms(predicted: Tensor, true: Tensor, config: LossConfig) -> dict[str, Tensor]:
    """Return the weighted terms of the loss by name; their sum is the loss.

    `predicted` and `true` are standardised scores (B, 8). `huber`: mean Huber loss (Huber
    1964), square up to `huber_delta` standardised units and straight beyond.
    """
    huber = F.huber_loss(predicted, true, delta=config.huber_delta)
    return {"huber": config.huber_weight * huber}
