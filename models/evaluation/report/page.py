"""The report's page, drawn from its document alone.

`python -m models.evaluation.report.page REPORT.json` makes the page again, without torch.
"""

import argparse
from pathlib import Path

from labeling.scores import DIMENSIONS
from models.document import read_document
from models.evaluation.agreement.resampling import FEWEST_COMPOSITIONS, FEWEST_FOR_INTERVAL
from models.evaluation.counterfactuals.families import FACTORS
from models.evaluation.criteria.limitations import own_mean
from models.evaluation.report.document import Report
from models.evaluation.report.environment import page_environment, write_report
from models.evaluation.report.figures.palette import EXPERIMENT_COLOURS
from models.evaluation.report.figures.report_charts import (
    dose_charts,
    fusion_charts,
    loss_charts,
    sound_charts,
)
from models.evaluation.report.tables import fusion_rows


def report_page(report: Report) -> str:
    """Return the page as HTML."""
    labels = report.label_structure
    gains = list(zip(DIMENSIONS, report.sound_gains, strict=False))  # empty without both models
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            dimensions=DIMENSIONS,
            factors=FACTORS,
            colour_of=EXPERIMENT_COLOURS,
            colours_of=lambda names: {name: EXPERIMENT_COLOURS[name] for name in names},
            observable={one.dimension: one.r for one in labels.observable} if labels else {},
            own_mean=own_mean,
            fewest=FEWEST_FOR_INTERVAL,
            enough_for_a_gain=report.data.pieces >= FEWEST_COMPOSITIONS,
            needing=[name for name, gain in gains if gain.interval.low > 0],
            losing=[name for name, gain in gains if gain.interval.high < 0],
            sound_charts=sound_charts(report),
            fusion_rows=fusion_rows(report),
            loss_charts=loss_charts(report) if report.models else [],
            fusion_charts=fusion_charts(report),
            dose_charts=dose_charts(report),
        )
    )


def main() -> None:
    """Make the page beside a report's JSON."""
    parser = argparse.ArgumentParser(description="Make a report's page again from its JSON.")
    parser.add_argument("report", type=Path, help="report.json of an evaluation")
    path: Path = parser.parse_args().report
    report = read_document(path, Report)
    print(write_report(report, report_page(report), path.parent, path.stem).html)


if __name__ == "__main__":
    main()
