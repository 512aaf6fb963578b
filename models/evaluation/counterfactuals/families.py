"""Counterfactual rows, family by family: the same music with one thing changed at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.factored import reference_dose
from labeling.scores import DIMENSIONS, Dimension

Floats = NDArray[np.float64]

FACTORS: tuple[Dimension, ...] = DIMENSIONS[:-1]
"""What a family varies: a factor for each dimension but the overall one, which follows them."""
NOTHING = "nothing"
"""What a family's undamaged base has varied."""
NUISANCE = "nuisance"
"""What an undamaged twin with another instrument, room or noise has varied."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Families:
    """Values of every row of F families, nan where a row is missing.

    `base` (F, values) are the undamaged rows, `twins` (F, twins, values) other recordings of them.
    `doses` (F, factors, doses, values) are along `doses_jnd`, of which the first is 0: the base
    again, but for factors that the family has at no other dose. `compositions` names each piece.
    """

    names: tuple[str, ...]
    compositions: tuple[str, ...]
    doses_jnd: tuple[float, ...]
    base: Floats
    doses: Floats
    twins: Floats

    @property
    def change(self) -> Floats:
        """How each dose of each factor differs from the base (F, factors, doses, values)."""
        return self.doses - self.base[:, None, None]

    @property
    def reference_jnd(self) -> float:
        """The dose at which factors are compared: the one nearest to 4 JND."""
        return reference_dose(self.doses_jnd[1:])

    @property
    def reference(self) -> int:
        """The index of the reference dose."""
        return self.doses_jnd.index(self.reference_jnd)


def arrange(rows: pd.DataFrame, values: Sequence[str]) -> Families:
    """Return the columns `values` of counterfactual rows, by family.

    `rows` has `family, composition, varied, varied_severity_jnd` besides. A family whose
    base is missing is left out. Raises UserError when no family or no dose is left, or when a row
    varies what is no factor.
    """
    known = {*FACTORS, NOTHING, NUISANCE}
    if unknown := set(rows["varied"]) - known:
        raise UserError(
            f"counterfactual rows vary {sorted(map(str, unknown))}; expected one of "
            f"{sorted(known)}: make the pairs again"
        )
    based = rows[rows["varied"] == NOTHING]
    names = tuple(sorted(set(based["family"])))
    dosed = rows[rows["varied"].isin(FACTORS) & rows["family"].isin(names)]
    doses_jnd = (0.0, *sorted(set(dosed["varied_severity_jnd"].astype(float)) - {0.0}))
    if len(doses_jnd) == 1:
        raise UserError(
            f"counterfactual rows hold {len(names)} families with a base, and none with a factor "
            "at a dose; expected at least one: make the pairs again"
        )
    place = {name: index for index, name in enumerate(names)}
    doses = np.full((len(names), len(FACTORS), len(doses_jnd), len(values)), np.nan)
    base = np.full((len(names), len(values)), np.nan)
    base[based["family"].map(place)] = based[list(values)].to_numpy(np.float64)
    doses[
        dosed["family"].map(place),
        dosed["varied"].map(FACTORS.index),
        dosed["varied_severity_jnd"].astype(float).map(doses_jnd.index),
    ] = dosed[list(values)].to_numpy(np.float64)
    has_factor = ~np.isnan(doses).all(axis=(2, 3))
    doses[:, :, 0] = np.where(has_factor[..., None], base[:, None], np.nan)
    piece = dict(zip(based["family"], based["composition"], strict=True))
    return Families(
        names=names,
        compositions=tuple(piece[name] for name in names),
        doses_jnd=doses_jnd,
        base=base,
        doses=doses,
        twins=_twins(rows, place, values),
    )


def had_effect(rows: pd.DataFrame) -> pd.Series:
    """Return for each counterfactual row whether its factor had an effect; True for the others.

    Where a factor found nothing to act on (no pedal, say), its dimension's label is that of the
    family's base: the row repeats the base.
    """
    base = rows[rows["varied"] == NOTHING].set_index("family")
    effect = pd.Series(True, index=rows.index)
    for factor in FACTORS:
        asked = rows["varied"] == factor
        effect[asked] = rows.loc[asked, factor] < rows.loc[asked, "family"].map(base[factor])
    return effect


def _twins(rows: pd.DataFrame, place: dict[str, int], values: Sequence[str]) -> Floats:
    found = rows[(rows["varied"] == NUISANCE) & rows["family"].isin(place)]
    number = found.groupby("family").cumcount()
    twins = np.full((len(place), int(number.max()) + 1 if len(found) else 0, len(values)), np.nan)
    twins[found["family"].map(place), number] = found[list(values)].to_numpy(np.float64)
    return twins
