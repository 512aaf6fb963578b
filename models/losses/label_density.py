"""Label distribution smoothing (LDS): rare scores get larger weights.

Yang, Zha, Chen, Wang & Katabi, Delving into Deep Imbalanced Regression (ICML 2021): the density
of the labels is smoothed and gives weights 1/density. Conventions follow the authors' code, plain
inverse weighting: the kernel's peak is 1 and counts beyond 0 and 100 are 0, so that scores near
either end count as rarer. Their clipping of counts (to 5-1000) is left out.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import convolve1d, gaussian_filter1d
from torch import Tensor, nn

from models.config.losses import LabelDensityConfig

LOWEST, HIGHEST = 0.0, 100.0
"""The range of scores, in points."""


def kernel(bins: int, sigma_bins: float) -> NDArray[np.float64]:
    """Return the smoothing window (bins,), its centre 1.

    A unit impulse of odd length `bins`, Gaussian-filtered and divided by its peak. The filter
    reflects at both ends, so the flanks are higher than a Gaussian's.

    >>> kernel(5, 2.0).round(4)
    array([0.8583, 0.9458, 1.    , 0.9458, 0.8583])
    """
    impulse = np.zeros(bins)
    impulse[bins // 2] = 1.0
    window = gaussian_filter1d(impulse, sigma=sigma_bins)
    return np.asarray(window / window.max(), np.float64)


class LabelDensity(nn.Module):
    """Weights by score; their mean over the training split is 1 in each dimension.

    The table follows from the training scores (N, 8), in points, so it is not saved. A bin with
    smoothed density 0 gets the weight of the rarest other bin.
    """

    weight_of_bin: Tensor

    def __init__(self, train_scores: NDArray[np.float32], config: LabelDensityConfig) -> None:
        super().__init__()
        self.bin_points = config.bin_points
        self.bins = math.ceil((HIGHEST - LOWEST) / config.bin_points)
        window = kernel(config.kernel_bins, config.kernel_sigma_bins)
        bin_of_row = self._bin_of(torch.tensor(train_scores)).numpy()
        weights = np.stack([_weights(bins, self.bins, window) for bins in bin_of_row.T])
        self.register_buffer(
            "weight_of_bin", torch.tensor(weights, dtype=torch.float32), persistent=False
        )

    def _bin_of(self, scores: Tensor) -> Tensor:
        bin_of_score = ((scores - LOWEST) / self.bin_points).floor().long()
        return bin_of_score.clamp(0, self.bins - 1)

    def weights(self, scores: Tensor) -> Tensor:
        """Return the weight of each score, both (B, 8); scores beyond 0-100 use the end bin."""
        return self.weight_of_bin.T.gather(0, self._bin_of(scores))


def _weights(
    bin_of_row: NDArray[np.int64], bins: int, window: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weight of each bin (bins,) for one dimension's training rows (N,)."""
    counts = np.bincount(bin_of_row, minlength=bins).astype(np.float64)
    density = convolve1d(counts, window, mode="constant")
    weight = 1.0 / np.where(density > 0, density, density[density > 0].min())
    return np.asarray(weight / weight[bin_of_row].mean(), np.float64)
