"""Pairwise ranking: the better of two performances must get the higher score."""

import torch
import torch.nn.functional as F
from torch import Tensor


def ranking(predicted: Tensor, true: Tensor, least_difference: float) -> Tensor:
    """Return RankNet's logistic loss (Burges et al. 2005) over the pairs of a batch, a scalar.

    In each dimension, a pair counts when i is truly better than j by at least
    `least_difference`, and costs log(1 + exp(−(p_i − p_j))). Averaged over the pairs of a
    dimension, then over the dimensions with pairs; without any the loss is 0 with zero gradients.
    `predicted` and `true` are (B, dimensions) and may differ in unit; `least_difference`, above 0,
    is in the unit of `true`. Uses memory for B² x dimensions.
    """
    better = true[:, None] - true[None, :] >= least_difference
    cost = F.softplus(-(predicted[:, None] - predicted[None, :]))
    pairs = better.sum((0, 1))
    by_dimension = torch.where(better, cost, 0.0).sum((0, 1)) / pairs.clamp(min=1)
    return by_dimension.sum() / (pairs > 0).sum().clamp(min=1)
