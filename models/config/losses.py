"""The terms of the loss with their weights; null switches a term off."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.config.section import Count, Positive, Section


class HuberConfig(Section):
    """Huber's loss of each dimension, square up to `delta` standardised units."""

    weight: Positive
    delta: Positive


class RankingConfig(Section):
    """Ranks the pairs of a batch whose true scores differ by at least this much."""

    weight: Positive
    least_difference_points: Positive


class ContrastiveConfig(Section):
    """Draws audio and MIDI of one window together, those of two windows apart.

    A window is `window_s` long; null: the whole clip. For the first `alone_epochs` a fusion learns
    from this term alone, which pretrains both encoders together.
    """

    weight: Positive
    temperature: Positive
    window_s: Positive | None
    alone_epochs: Annotated[int, Field(ge=0)]


class ModalityHeadsConfig(Section):
    """Grades each modality of a fusion by itself, too: gradient blending (Wang et al. 2020)."""

    weight: Positive


class CoralConfig(Section):
    """Ordinal levels from `lowest` to `highest` by `step_points`, one head per dimension."""

    weight: Positive
    lowest: float
    highest: float
    step_points: Positive

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The scores between two levels, lowest first."""
        count = round((self.highest - self.lowest) / self.step_points)
        return tuple(self.lowest + number * self.step_points for number in range(1, count))

    @model_validator(mode="after")
    def _has_thresholds(self) -> Self:
        if not self.thresholds:
            raise ValueError(
                "expected at least two levels between lowest and highest, got "
                f"{self.lowest} to {self.highest} in steps of {self.step_points}"
            )
        return self


class BootstrapConfig(Section):
    """Bootstrapped ordinal targets (Reed et al. 2015); `beta` is the weight of the label.

    It is off for the first `warmup_epochs`: the predictions of an untrained network would only
    confirm themselves.
    """

    form: Literal["soft", "hard"]
    beta: Annotated[float, Field(gt=0, lt=1)]
    warmup_epochs: Annotated[int, Field(ge=0)]


class LabelDensityConfig(Section):
    """Label distribution smoothing (LDS): rare scores weigh more in Huber's loss."""

    bin_points: Positive
    kernel_bins: Count
    kernel_sigma_bins: Positive

    @model_validator(mode="after")
    def _kernel_is_odd(self) -> Self:
        if self.kernel_bins % 2 == 0:
            raise ValueError(f"kernel_bins must be odd to have a centre, got {self.kernel_bins}")
        return self


class LossConfig(Section):
    """The terms of the loss; `uncertainty_weighting` lets each dimension learn its weight."""

    huber: HuberConfig
    uncertainty_weighting: bool
    label_density: LabelDensityConfig | None
    ranking: RankingConfig | None
    contrastive: ContrastiveConfig | None
    modality_heads: ModalityHeadsConfig | None
    coral: CoralConfig | None
    bootstrap: BootstrapConfig | None

    @model_validator(mode="after")
    def _bootstrap_needs_coral(self) -> Self:
        if self.bootstrap and not self.coral:
            raise ValueError(
                "bootstrap works on CORAL's targets (on a squared error it does nothing), and "
                "coral is null: set coral, or bootstrap to null"
            )
        return self
