import csv
import dataclasses
from html import unescape
from pathlib import Path

import pytest

from labeling.scores import DIMENSIONS
from models.evaluation.report.document import Report
from models.evaluation.report.figures.files import write_figures
from models.evaluation.report.formats import plain


def lines_of(path: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["line"], []).append(row)
    return found


def test_figures_are_drawn_beside_their_numbers_and_name_their_source(
    report: Report, tmp_path: Path
) -> None:
    data = dataclasses.replace(report.data, compositions={**report.data.compositions, "test": 12})
    gated = report.model("gated")
    report = dataclasses.replace(report, models=(gated,), data=data)
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "of-an-earlier-report.csv").touch()
    found = {path.stem: path for path in write_figures(report, folder)}
    assert {path.name for path in folder.iterdir()} == {
        f"{name}.{kind}" for name in found for kind in ("csv", "svg", "pdf")
    }
    (row,) = lines_of(found["mean-r-test-split"])["gated"]
    assert (row["x"], float(row["y"])) == ("gated", gated.agreement.mean_r)
    assert float(row["low"]) == gated.intervals.mean_r.low
    loss = lines_of(found["gated-huber-loss"])
    assert [float(row["y"]) for row in loss["validation"]] == [
        epoch.val_loss for epoch in gated.training.epochs
    ]
    assert [row["x"] for row in loss["training"]] == [row["x"] for row in loss["validation"]]
    for name in found:
        svg = unescape((folder / f"{name}.svg").read_text())
        assert report.citation in svg
        assert "</text>" in svg, "text stays text"
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    write_figures(report, tmp_path / "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    assert write_figures(dataclasses.replace(report, models=()), folder) == []


def test_what_sound_gains_is_one_figure_a_dimension_a_row(report: Report, tmp_path: Path) -> None:
    data = dataclasses.replace(report.data, compositions={**report.data.compositions, "test": 12})
    write_figures(dataclasses.replace(report, data=data), tmp_path)
    found = lines_of(tmp_path / "which-dimension-needs-sound.csv")
    (name,) = set(found) - {"audio_only", "midi_only"}
    assert name == "gain of crossattn over midi_only"
    for place, (midi, gained) in enumerate(zip(found["midi_only"], found[name], strict=True)):
        assert midi["x"] == gained["x"] == plain(DIMENSIONS[place])
        both = report.model("crossattn").agreement.r[place]
        assert float(midi["y"]) + float(gained["y"]) == pytest.approx(both)
        assert float(gained["low"]) == report.sound_gains[place].interval.low
    svg = (tmp_path / "which-dimension-needs-sound.svg").read_text()
    assert all(plain(one) in svg for one in DIMENSIONS)


def test_a_chart_without_names_is_drawn_without_a_warning(
    report: Report, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    heard = report.model("audio_only")
    training = dataclasses.replace(heard.training, epochs=heard.training.epochs[:1])
    short = dataclasses.replace(report, models=(dataclasses.replace(heard, training=training),))
    assert write_figures(short, tmp_path / "figures")
    assert [str(one.message) for one in recwarn if "legend" in str(one.message)] == []
