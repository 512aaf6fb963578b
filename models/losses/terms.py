"""The loss: every term that is switched on, put together in this one place.

Huber: each element times its LDS weight, averaged over the batch for each dimension, then over
dimensions by uncertainty weighting; without either it is the plain mean. Heads of single modalities
have it, too, over the clips that have the modality; they do not teach the uncertainties. Ranking,
contrast and CORAL take the batch as it is. A term's weight in the file multiplies the whole of it.
In the epochs that contrast has alone, the others are 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from labeling.scores import DIMENSIONS
from models.config.experiment import Modality
from models.config.losses import LossConfig
from models.losses.bootstrap import bootstrapped_levels
from models.losses.contrastive import contrastive
from models.losses.coral import coral_loss, levels
from models.losses.label_density import LabelDensity
from models.losses.ranking import ranking
from models.losses.uncertainty import UncertaintyWeighting


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outputs:
    """What a network gives the loss, of any float type; None where it has no such output.

    `predicted` (B, 8) is standardised; `ordinal_logits` (B, 8, K) comes from a `CoralHead`;
    `audio_windows` and `midi_windows` (N, W) are one vector a window, all of a clip or part of it;
    `both_present` (N,) is true where neither modality was taken away. `by_modality` has the
    prediction (B, 8) of each modality's own head, and the clips (B,) that have the modality.
    """

    predicted: Tensor
    ordinal_logits: Tensor | None
    audio_windows: Tensor | None
    midi_windows: Tensor | None
    both_present: Tensor | None
    by_modality: Mapping[Modality, tuple[Tensor, Tensor]]


class LossTerms(nn.Module):
    """Outputs and true scores to the terms of the loss, all in float32 whatever autocast says.

    Owns what is learnt or derived for the loss alone: uncertainty weights (a parameter: give it
    to the optimiser, without weight decay) and LDS's table. Scores become standardised units by
    (score − `score_centre`) / `score_scale`. `train_scores` (N, 8) in points are needed for
    LDS: ValueError when it is on and they are None.
    """

    thresholds: Tensor

    def __init__(
        self,
        config: LossConfig,
        *,
        score_centre: float,
        score_scale: float,
        train_scores: NDArray[np.float32],
    ) -> None:
        super().__init__()
        self.config = config
        self.score_centre, self.score_scale = score_centre, score_scale
        self.uncertainty = UncertaintyWeighting() if config.uncertainty_weighting else None
        self.label_density = (
            LabelDensity(train_scores, config.label_density) if config.label_density else None
        )
        thresholds = config.coral.thresholds if config.coral else ()
        self.register_buffer("thresholds", torch.tensor(thresholds), persistent=False)

    def forward(self, outputs: Outputs, true_scores: Tensor, *, epoch: int) -> dict[str, Tensor]:
        """Return the weighted terms by name, scalars whose sum is the loss.

        `true_scores` (B, 8) are in points. Names: huber, audio_head, midi_head, ranking,
        contrastive, coral (bootstrapped when that is on and `epoch`, counted from 0, is past its
        warm-up). A term that is off is not there; nor are contrastive and the heads of modalities
        for a network that is shown one modality.
        Raises ValueError when `true_scores` have another shape than the predictions.
        """
        with torch.autocast(true_scores.device.type, enabled=False):
            true = self._checked(outputs, true_scores)
            config = self.config
            terms = {"huber": config.huber.weight * self._huber(outputs, true)}
            if config.modality_heads:
                for name, (predicted, present) in outputs.by_modality.items():
                    huber = self._modality_huber(predicted, true, present)
                    terms[f"{name}_head"] = config.modality_heads.weight * huber
            if config.ranking:
                least_points = config.ranking.least_difference_points
                terms["ranking"] = config.ranking.weight * ranking(
                    outputs.predicted.float(), true, least_points
                )
            if (
                config.contrastive
                and outputs.audio_windows is not None
                and outputs.midi_windows is not None
                and outputs.both_present is not None
            ):
                terms["contrastive"] = config.contrastive.weight * contrastive(
                    outputs.audio_windows.float(),
                    outputs.midi_windows.float(),
                    outputs.both_present,
                    config.contrastive.temperature,
                )
            if config.coral:
                logits, true_levels = self._ordinal(outputs, true)
                targets = self._targets(logits, true_levels, epoch)
                terms["coral"] = config.coral.weight * coral_loss(logits, targets)
            if (
                "contrastive" in terms
                and config.contrastive
                and epoch < config.contrastive.alone_epochs
            ):
                # Not left out: distributed training needs a gradient of every parameter.
                others = {name: 0.0 * term for name, term in terms.items()}
                terms = {**others, "contrastive": terms["contrastive"]}
            return terms

    def logged(self, outputs: Outputs, true_scores: Tensor, *, epoch: int) -> dict[str, Tensor]:
        """Return what the switches did to the terms: figures to log, no part of the loss.

        Unweighted scalars without gradient. `huber_plain` (with LDS or uncertainty weighting)
        and `coral_plain` (with bootstrapping) are the losses without them, which compare across
        experiments; `label_density_mean_weight` is that of the batch, around 1;
        `uncertainty_weight/<dimension>` is exp(−s); `bootstrap_moved` is the mean distance
        between targets and labels, 0 where the network agrees with every label (soft: with
        certainty), and during the warm-up.
        """
        with torch.no_grad(), torch.autocast(true_scores.device.type, enabled=False):
            true = self._checked(outputs, true_scores)
            figures: dict[str, Tensor] = {}
            if self.label_density is not None or self.uncertainty is not None:
                figures["huber_plain"] = self._elements(outputs.predicted, true).mean()
            if self.label_density is not None:
                weights = self.label_density.weights(true)
                figures["label_density_mean_weight"] = weights.mean()
            if self.uncertainty is not None:
                for name, weight in zip(DIMENSIONS, self.uncertainty.weights, strict=True):
                    figures[f"uncertainty_weight/{name}"] = weight
            if self.config.bootstrap:
                logits, true_levels = self._ordinal(outputs, true)
                targets = self._targets(logits, true_levels, epoch)
                figures["coral_plain"] = coral_loss(logits, true_levels)
                figures["bootstrap_moved"] = (targets - true_levels).abs().mean()
            return figures

    def _targets(self, logits: Tensor, true_levels: Tensor, epoch: int) -> Tensor:
        """Return CORAL's targets: the labels, bootstrapped where that is on and warmed up."""
        bootstrap = self.config.bootstrap
        if bootstrap is None or epoch < bootstrap.warmup_epochs:
            return true_levels
        return bootstrapped_levels(logits, true_levels, bootstrap)

    def _checked(self, outputs: Outputs, true_scores: Tensor) -> Tensor:
        if true_scores.shape != outputs.predicted.shape:
            raise ValueError(
                f"true_scores must have predicted's shape {tuple(outputs.predicted.shape)}, got "
                f"{tuple(true_scores.shape)}"
            )
        return true_scores.float()

    def _elements(self, predicted: Tensor, true: Tensor) -> Tensor:
        standardised = (true - self.score_centre) / self.score_scale
        return F.huber_loss(
            predicted.float(), standardised, reduction="none", delta=self.config.huber.delta
        )

    def _weighted(self, predicted: Tensor, true: Tensor) -> Tensor:
        elements = self._elements(predicted, true)
        if self.label_density is None:
            return elements
        return self.label_density.weights(true) * elements

    def _huber(self, outputs: Outputs, true: Tensor) -> Tensor:
        by_dimension = self._weighted(outputs.predicted, true).mean(dim=0)
        if self.uncertainty is None:
            return by_dimension.mean()
        weighted: Tensor = self.uncertainty(by_dimension)
        return weighted

    def _modality_huber(self, predicted: Tensor, true: Tensor, present: Tensor) -> Tensor:
        """Return the loss over the present clips, 0 where there are none."""
        counted = self._weighted(predicted, true) * present[:, None]
        by_dimension = counted.sum(dim=0) / present.sum().clamp(min=1)
        if self.uncertainty is not None:
            by_dimension = self.uncertainty.weights.detach() * by_dimension
        return by_dimension.mean()

    def _ordinal(self, outputs: Outputs, true: Tensor) -> tuple[Tensor, Tensor]:
        assert outputs.ordinal_logits is not None
        return outputs.ordinal_logits.float(), levels(true, self.thresholds)
