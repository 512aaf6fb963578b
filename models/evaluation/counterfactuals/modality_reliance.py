"""Does a fusion model rely on another modality when another factor is damaged?"""

from dataclasses import dataclass

from models.document import Number
from models.evaluation.agreement.resampling import clustered_means
from models.evaluation.counterfactuals.families import Families


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalityReliance:
    """A figure of the fusion, by what was done to the playing.

    `base` is its mean on undamaged playing, `change` what the reference dose of each factor adds,
    with intervals, and `other_recording` what another recording adds, None without twins.
    """

    base: Number
    change: tuple[Number, ...]
    low: tuple[Number, ...]
    high: tuple[Number, ...]
    other_recording: Number | None


def modality_reliance(families: Families, *, seed: int) -> ModalityReliance:
    """Return how the one value of `families`, a share or a gate, follows the factors."""
    change = families.change[:, :, families.reference, 0]
    mean, low, high = clustered_means(change, families.compositions, seed=seed)
    base, _, _ = clustered_means(families.base[:, 0], families.compositions, seed=seed)
    other_recording = None
    if families.twins.size:
        twins = (families.twins - families.base[:, None])[..., 0]
        pieces = [piece for piece in families.compositions for _ in range(twins.shape[1])]
        other_recording = float(clustered_means(twins.ravel(), pieces, seed=seed)[0])
    return ModalityReliance(
        base=float(base),
        change=tuple(mean.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        other_recording=other_recording,
    )
