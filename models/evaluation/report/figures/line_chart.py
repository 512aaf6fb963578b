"""Line charts as SVG that takes its colours and fonts from the page around it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import escape

WIDTH, HEIGHT = 300, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 292, 24, 152
"""The edges of the plotting area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A named line in a colour of the palette ("currentColor": the text's).

    Points with an undefined value are left out. `band` is (low, high) of each point, `marked` the
    x of a point to mark.
    """

    name: str
    colour: str
    x: Sequence[float]
    y: Sequence[float | None]
    dashed: bool = False
    band: tuple[Sequence[float], Sequence[float]] | None = None
    marked: float | None = None

    @property
    def paint(self) -> str:
        """The colour as CSS has it."""
        return self.colour if self.colour == "currentColor" else f"var(--{self.colour})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Lines over one axis, drawn where a template shows them; `title` is read out, too.

    `x_ticks` are places and their labels, else whole numbers; the y axis spans the data and, where
    given, `y_from` and `y_to`. `guide` is where a dotted line is drawn. `in_rows`: points alone, a
    row each, as figure files draw them; `x_label` is then that of the figures.
    """

    title: str
    lines: Sequence[Line]
    x_label: str
    x_ticks: Sequence[tuple[float, str]] | None = None
    y_from: float | None = None
    y_to: float | None = None
    guide: float | None = None
    in_rows: bool = False

    def __html__(self) -> str:
        """Return the chart as SVG."""
        ends = [end for line in self.lines if line.band for side in line.band for end in side]
        values = [*(y for line in self.lines for y in line.y), *ends, self.y_from, self.y_to]
        known = [value for value in values if value is not None and math.isfinite(value)]
        y_ticks = nice_ticks(min(known, default=0), max(known, default=1))
        low, high = min([y_ticks[0], *known]), max([y_ticks[-1], *known])
        places = [x for line in self.lines for x in line.x]
        first, last = min(places), max(places)
        x_ticks = self.x_ticks or [
            (tick, f"{tick:.0f}") for tick in nice_ticks(first, last, whole=True)
        ]

        def across(x: float) -> float:
            return round(LEFT + (RIGHT - LEFT) * (x - first) / (last - first or 1), 1)

        def down(y: float) -> float:
            return round(BOTTOM - (BOTTOM - TOP) * (y - low) / (high - low), 1)

        parts = [f'<text x="{LEFT}" y="14" font-weight="600">{escape(self.title)}</text>']
        digits = max(0, -math.floor(math.log10(y_ticks[1] - y_ticks[0])))
        for tick in y_ticks:
            parts.append(
                f'<path d="M{LEFT} {down(tick)}H{RIGHT}" stroke="var(--line)"/>'
                f'<text class="soft" x="{LEFT - 5}" y="{down(tick) + 4}" text-anchor="end">'
                f"{tick:.{digits}f}</text>".replace(">-", ">−")
            )
        for place, label in x_ticks:
            if first <= place <= last:
                parts.append(
                    f'<text class="soft" x="{across(place)}" y="{BOTTOM + 15}" '
                    f'text-anchor="middle">{escape(label)}</text>'
                )
        parts.append(
            f'<text class="soft" x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
            f"{escape(self.x_label)}</text>"
        )
        if self.guide is not None:
            parts.append(
                f'<path d="M{LEFT} {down(self.guide)}H{RIGHT}" stroke="currentColor" '
                'stroke-dasharray="2 3"/>'
            )
        for line in self.lines:
            parts += _line(line, [across(x) for x in line.x], down)
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">'
            f"{''.join(parts)}</svg>"
        )


def _line(line: Line, x: Sequence[float], down: Callable[[float], float]) -> list[str]:
    parts = []
    if line.band and all(math.isfinite(end) for side in line.band for end in side):
        low, high = (
            [f"{at} {down(end)}" for at, end in zip(x, side, strict=True)] for side in line.band
        )
        outline = "L".join([*high, *reversed(low)])
        parts.append(f'<path d="M{outline}Z" style="fill:{line.paint}" fill-opacity=".18"/>')
    there = [
        (at, place, down(y))
        for at, place, y in zip(line.x, x, line.y, strict=True)
        if y is not None and math.isfinite(y)
    ]
    if not there:
        return parts
    path = "L".join(f"{place} {y}" for _, place, y in there)
    dashes = ' stroke-dasharray="5 3"' if line.dashed else ""
    parts.append(
        f'<path d="M{path}" fill="none" style="stroke:{line.paint}" stroke-width="1.8"{dashes}/>'
    )
    marked = [point for point in there if point[0] == line.marked] if len(there) > 1 else there
    parts += [f'<circle cx="{x}" cy="{y}" r="4" style="fill:{line.paint}"/>' for _, x, y in marked]
    return parts


def nice_ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return three to six round numbers that span low to high, or lie inside it if `whole`.

    >>> nice_ticks(0.02, 0.93)
    [0.0, 0.5, 1.0]
    >>> nice_ticks(1, 8, whole=True)
    [2, 4, 6, 8]
    """
    raw = (high - low or 1) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(one * power for one in (1, 2, 5, 10) if one * power >= raw * 0.999)
    if whole:
        step = max(1, round(step))
        return [step * place for place in range(math.ceil(low / step), math.floor(high / step) + 1)]
    start, stop = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * place, 10) for place in range(start, stop + 1)]
