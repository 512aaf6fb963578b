"""Ceilings and headroom, dimension by dimension and on the mean, as the page shows them."""

from dataclasses import dataclass

from models.evaluation.report.tables import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class CeilingRow:
    """A dimension, or the mean: the ceilings, the best model, and what is left and gained.

    `observable_r` is what an oracle of the measured damage reaches. `headroom_r` is what the best
    model leaves below the label ceiling, `single_headroom_r` what the best single modality
    leaves, and `fusion_share` the part of that which the best fusion gains. None is what there
    is not, or no headroom to share.
    """

    name: str
    ceiling_r: float | None
    observable_r: float | None
    best_r: float | None
    headroom_r: float | None
    single_headroom_r: float | None
    fusion_share: float | None
    ceiling_mae: float
    best_mae: float
    baseline_mae: float
    share_of_headroom_mae: float | None


def ceiling_rows(report: Content) -> list[CeilingRow]:
    """Return the eight dimensions and then their mean; nothing without experiments."""
    best = next((one for one in report["experiments"] if one["name"] == report["best"]), None)
    if best is None:
        return []
    names = [*report["dimensions"], "mean"]
    labels = report["label_structure"]
    observable = {one["dimension"]: one["r"] for one in labels["observable"]} if labels else {}
    known = [r for r in observable.values() if r is not None]
    observable["mean"] = sum(known) / len(known) if known else None
    pairs = report["pairs"]
    compared = [*pairs["dimensions"], pairs["mean"]] if pairs else [None] * len(names)
    ceiling = report["ceiling"]["on_these_samples"]
    rows = zip(
        names,
        *(_with_mean(found, "r") for found in (ceiling, best)),
        *(_with_mean(found, "mae") for found in (ceiling, best, report["baseline"])),
        compared,
        strict=True,
    )
    return [
        CeilingRow(
            name=name,
            ceiling_r=ceiling_r,
            observable_r=observable.get(name),
            best_r=best_r,
            headroom_r=_less(ceiling_r, best_r),
            single_headroom_r=pair and _less(ceiling_r, pair["single_r"]),
            fusion_share=pair and _part(pair["difference"], _less(ceiling_r, pair["single_r"])),
            ceiling_mae=ceiling_mae,
            best_mae=best_mae,
            baseline_mae=baseline_mae,
            share_of_headroom_mae=_part(baseline_mae - best_mae, baseline_mae - ceiling_mae),
        )
        for name, ceiling_r, best_r, ceiling_mae, best_mae, baseline_mae, pair in rows
    ]


def _with_mean(found: Content, figure: str) -> list[float]:
    return [*found[figure], found[f"mean_{figure}"]]


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _part(one: float | None, whole: float | None) -> float | None:
    return None if one is None or whole is None or whole <= 0 else one / whole
