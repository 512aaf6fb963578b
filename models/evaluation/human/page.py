"""The page on human validation, drawn from its document alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from models.document import write_document
from models.evaluation.human.document import HumanValidation, RatingAgreement, Verdict
from models.evaluation.human.hypotheses import NO_HYPOTHESIS
from models.evaluation.report.figures.drawing import GREY, INK, panel
from models.evaluation.report.page import page_environment
from models.evaluation.report.tables import plain

COLOURS: Mapping[Verdict, str] = {
    "follows": "#2a9d8f",
    "opposes": "#d1495b",
    "inconclusive": GREY,
}


def write_human_validation(found: HumanValidation, folder: Path) -> Path:
    """Write `human_validation.html` and `.json` to `folder` and return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_document(folder / "human_validation.json", found)
    page = folder / "human_validation.html"
    page.write_text(human_validation_page(found), encoding="utf-8")
    return page


def human_validation_page(found: HumanValidation) -> str:
    """Return the page, HTML."""
    panels = [_agreement_panel("labeling functions", found.functions)]
    if found.models:
        panels += [_agreement_panel(name, rows) for name, rows in found.models.rows.items()]
    return (
        page_environment()
        .get_template("human.html.j2")
        .render(
            found=found,
            sentences=summary_lines(found),
            panels=panels,
            colours=COLOURS,
            no_hypothesis=NO_HYPOTHESIS,
        )
    )


def summary_lines(found: HumanValidation) -> list[str]:
    """Return the page's first sentences as plain text."""
    text = page_environment().overlay(autoescape=False)
    summary = text.get_template("human_summary.j2").make_module()
    lines = (getattr(summary, name)(found) for name in ("functions", "models", "fine_tuning"))
    return [" ".join(line.split()) for line in lines]


def _agreement_panel(title: str, rows: Sequence[RatingAgreement]) -> str:
    """Return the rows with a hypothesis as dots with intervals, as expected to the right."""
    shown = [(row, row.sign) for row in rows if row.sign is not None]

    def paint(axis: Axes) -> None:
        axis.axvline(0, color=INK, linewidth=0.6, linestyle=":")
        for place, (row, sign) in enumerate(shown):
            colour = COLOURS[row.verdict]
            ends = [sign * row.within.interval.low, sign * row.within.interval.high]
            axis.plot(ends, [place, place], color=colour, linewidth=2.4, alpha=0.5)
            axis.plot(sign * row.within.rho, place, "o", color=colour, markersize=5)
            axis.plot(sign * row.baseline_rho, place, "|", color=INK, markersize=8)
        names = [f"{plain(row.name)}\n{row.scale}" for row, _ in shown]
        axis.set_yticks(range(len(shown)), names, fontsize=7)
        axis.set_ylim(len(shown) - 0.5, -0.5)
        axis.set_xlim(-1, 1)
        axis.tick_params(axis="y", length=0)
        axis.set_title(title)

    height_in = 0.6 + 0.34 * len(shown)
    return panel(paint, title=f"{title} and ratings", width_in=4.8, height_in=height_in)
