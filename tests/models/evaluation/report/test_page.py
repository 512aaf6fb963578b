import dataclasses
import os
import re
import resource
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import jinja2
import pytest

from labeling.scores import DIMENSIONS
from models.document import write_document
from models.evaluation.agreement.resampling import Gain, Interval
from models.evaluation.audits.documents import TokenAudit
from models.evaluation.criteria import acceptance, diagnosis, limitations
from models.evaluation.report.document import Report
from models.evaluation.report.environment import page_environment, say, write_report
from models.evaluation.report.formats import plain
from models.evaluation.report.page import report_page


def no_gaps(page: str) -> None:
    """Nothing undefined is printed."""
    assert not re.search(r"\b(nan|NaN|None|inf|undefined)\b", page)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return report_page(report)


@pytest.fixture(scope="module")
def factored_page(factored_report: Report) -> str:
    return report_page(factored_report)


def text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


def rows(page: str) -> list[list[str]]:
    """The text of all cells, row by row, of all tables."""
    found = re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.S)
    return [[text(one) for one in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)] for row in found]


def cells(page: str, heading: str, occurrence: int = 0) -> list[str]:
    """The cells of a row after its heading, which begins so."""
    return [row[1:] for row in rows(page) if row[0].startswith(heading)][occurrence]


def test_the_page_s_numbers_are_those_of_the_report(page: str, report: Report) -> None:
    for place, one in enumerate(report.models):
        row = cells(page, one.name)
        found = one.agreement
        assert (row[0], row[2]) == (f"{found.mean_r:.3f}", f"{found.mean_mae:.2f}")
        tone = cells(page, "tone quality"), cells(page, "tone quality", 1)
        assert tone[0][place] == f"{found.r[4]:.3f}"
        assert tone[1][place] == f"{found.mae[4]:.2f}"
    gated = report.model("gated")
    assert (
        cells(page, "audio's share of the norm")[1]
        == f"{gated.training.best.diagnostics.audio_share:.3f}"
    )
    audio = f"{gated.alone['audio'].agreement.mean_r:.3f}"
    assert any(row[2].startswith(f"{audio} (") for row in rows(page) if row[0] == "gated")
    assert cells(page, "pitch") == ["2.200", "3.877", "yes"]
    assert cells(page, "notes lost")[-2:] == ["0", "0"]
    onset = ["onset jitter", "10 ms", "onset", "18,111", "97 %", "100 %", "26 %", "21 %"]
    assert ["good", *onset] in rows(page)


def test_what_changed_is_known_from_the_tokeniser_that_loses_nothing(report: Report) -> None:
    operations = tuple(
        dataclasses.replace(
            row, aspect=None, changed_notes=0, seen_share=None, survival=None, notes_lost=7
        )
        if row.tokeniser == "performance"
        else row
        for row in report.token_audit.operations
    )
    changed = report_page(
        dataclasses.replace(report, token_audit=TokenAudit(operations=operations))
    )
    onset = ["onset jitter", "10 ms", "onset", "18,111", "–", "–", "26 %", "21 %"]
    assert ["good", *onset] in rows(changed)
    assert any(row[1:4] == ["dynamics compression", "50 %", "nothing"] for row in rows(changed))
    assert cells(changed, "notes lost")[-2:] == ["21", "0"]


def test_what_made_the_figures_can_be_cited(page: str, report: Report) -> None:
    found = [row for row in rows(page) if len(row) > 1 and row[1].startswith("digest of")]
    trained = ["2026-01-02 03:04", "c0ffee012345-dirty", "samples 12"]
    wanted = [[one.name, f"digest of {one.name}", *trained] for one in report.models if one.record]
    assert found == wanted
    assert ["concat", "no record that this release can read"] in rows(page)
    assert f"reproduce {report.best} --recipe phase2 --corpus" in text(page)
    assert report.provenance.source in page


def test_ceilings_stand_beside_all_figures(factored_page: str, factored_report: Report) -> None:
    row = cells(factored_page, "tone quality")
    assert row[5:] == ["1.000", "0.940", "0.000"], "label and observable ceiling, the mean"
    assert cells(factored_page, "label ceiling")[0] == "1.000"


def test_every_verdict_has_its_sentence() -> None:
    """Each code that a rule can return is a macro, and each macro is some rule's code."""
    rules = "".join(Path(one.__file__).read_text() for one in (acceptance, diagnosis, limitations))
    strings = set(re.findall(r'"([a-z_0-9]+)"', rules))
    macros = {
        name for name in dir(page_environment().get_template("sentences.html.j2").module)
        if not name.startswith("_")
    }  # fmt: skip
    assert macros <= strings, "no sentence without a rule"
    called = set(re.findall(r'verdict\(\s*"([a-z_0-9]+)"', rules))
    assert len(called) > 25
    assert called <= macros


@pytest.mark.parametrize("name", ["page", "factored_page"])
def test_the_page_stands_alone(name: str, request: pytest.FixtureRequest) -> None:
    html: str = request.getfixturevalue(name)
    links = re.findall(r'(?:href|src)="([^"]*)"', html)
    assert all(link.startswith(("#", "data:")) for link in links), "nothing is fetched"
    assert "url(http" not in html
    assert "@import" not in html
    no_gaps(html)
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(set(ids)) == len(ids), "ids are unique"
    assert "a &lt;small&gt; corpus" in html
    assert html.count("<table") == html.count('class="scroll" tabindex="0" role="region"')


def test_intervals_from_few_pieces_are_left_out_and_that_is_said_once(
    page: str, report: Report
) -> None:
    low = f"{report.models[0].intervals.mean_r.low:.3f}"
    assert f"<small>{low} to" not in page
    assert page.count("too few for intervals") == 1
    data = dataclasses.replace(report.data, compositions={**report.data.compositions, "test": 12})
    enough = report_page(dataclasses.replace(report, data=data))
    assert f"<small>{low} to" in enough
    assert "too few for intervals" not in enough


def test_sections_are_those_that_there_are(page: str, factored_page: str) -> None:
    def sections(html: str) -> set[str]:
        return set(re.findall(r'<details id="(\w+)"', html))

    assert sections(factored_page) - sections(page) == {"doses", "audits", "transcription"}
    assert factored_page.count("<svg") == page.count("<svg") + 7


def test_overlapping_tiers_are_said_to_be_named_by_their_middles(report: Report) -> None:
    overlapping = tuple(
        dataclasses.replace(one, confusion=dataclasses.replace(one.confusion, by_middle=True))
        for one in report.models
    )
    assert "tiers overlap" in report_page(dataclasses.replace(report, models=overlapping))
    assert "tiers overlap" not in report_page(report)


def test_a_verdict_without_its_numbers_is_an_error(report: Report) -> None:
    bare = dataclasses.replace(report.headline[0], numbers={})
    with pytest.raises(jinja2.UndefinedError):
        say(bare)


def test_a_page_is_made_again_from_its_json_without_torch(
    factored_report: Report, factored_page: str, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    for name in ("torch", "lightning", "sklearn", "dagster", "matplotlib"):
        (blocked / name).mkdir(parents=True)
        (blocked / name / "__init__.py").write_text(f"raise ImportError('{name} is blocked')")
    path = tmp_path / "report.json"
    write_document(path, factored_report)
    here = [str(blocked), *filter(None, sys.path)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "models.evaluation.report.page", str(path)],
        check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(here)},
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert path.with_suffix(".html").read_text() == factored_page
    spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent_s < 4, "two seconds on an idle machine"


@pytest.mark.parametrize("name", ["report", "factored_report"])
def test_the_first_screen_and_a_phone(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    executable = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if executable is None:
        pytest.skip("no browser is installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    report: Report = request.getfixturevalue(name)
    paths = write_report(report, report_page(report), tmp_path, "report")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"], timeout=180_000
        )
        try:
            wide = browser.new_page(viewport={"width": 1400, "height": 900})
            wide.goto(paths.html.as_uri())
            opening = wide.locator("main > .read p, main > figure").all()
            assert len(opening) == 4, "three sentences and a figure"
            for one in opening:
                box = one.bounding_box()
                assert box
                assert box["y"] + box["height"] <= 900
            for scheme in ("light", "dark"):
                phone = browser.new_page(
                    viewport={"width": 420, "height": 900}, color_scheme=scheme
                )
                phone.goto(paths.html.as_uri())
                phone.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                assert phone.evaluate("document.documentElement.scrollWidth") <= 420
        finally:
            browser.close()


def test_the_fusion_section_says_which_dimension_needs_sound(report: Report, page: str) -> None:
    late = report.late_fusion
    assert late is not None
    assert cells(page, "late fusion")[0] == f"{late.agreement.mean_r:.3f}"
    assert "3 test pieces are too few to say which dimension needs sound" in page
    gains = [
        Gain(mean_r=0.2 - 0.1 * place, interval=Interval(0.15 - 0.1 * place, 0.25 - 0.1 * place))
        for place in range(8)
    ]
    data = dataclasses.replace(report.data, compositions={**report.data.compositions, "test": 12})
    shown = text(
        html := report_page(dataclasses.replace(report, data=data, sound_gains=tuple(gains)))
    )
    first, second, _, fourth = map(plain, DIMENSIONS[:4])
    assert (
        f"{first.capitalize()} and {second}: there crossattn is above midi_only beyond chance."
        in shown
    )
    assert f"It is below in {fourth}, " in shown
    found = next(row[1:] for row in rows(html) if row[0] == first and len(row) == 5)
    assert found[:3] == [
        f"{one.r[0]:.3f}"
        for one in (
            report.model("midi_only").agreement,
            report.model("audio_only").agreement,
            late.agreement,
        )
    ]
    assert found[3].split() == ["+0.200", "+0.150", "to", "+0.250"]
