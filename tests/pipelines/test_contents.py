import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import dagster as dg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from pipelines import assets
from pipelines.contents import INDEX, renew_index
from pipelines.corpora import Corpus
from pipelines.settings import load_settings
from pipelines.workspace import Workspace

pytestmark = pytest.mark.slow

WORST = ("serious", "critical")
EVERY_ASSET = {"seconds", "CPU seconds", "peak memory, MB", "index"}
OF_TABLES = {"bytes", "rows made", "rows a second", "dagster/partition_row_count"}


@pytest.fixture(scope="module")
def metadata(finished: Any) -> Callable[..., dict[str, Any]]:
    """Return a reader of what the finished project's runs recorded of a partition."""

    def read(*key: str, partition: str = "root") -> dict[str, Any]:
        with dg.DagsterInstance.from_config(str(finished.home / "dagster")) as instance:
            asked = dg.AssetRecordsFilter(dg.AssetKey(key), asset_partitions=[partition])
            records = instance.fetch_materializations(asked, limit=100).records
        found = [
            {name: one.value for name, one in record.asset_materialization.metadata.items()}
            for record in records
            if record.asset_materialization
        ]
        # Of a table, when it was made: a later test's run may only have found it.
        made = [one for one in found if "rows a second" in one]
        return made[-1] if made else found[0]

    return read


def rows_of(page: str) -> list[list[str]]:
    """The text of the cells of each row."""
    found = re.findall(r"<tr>(.*?)</tr>", page, re.S)
    return [
        [re.sub(r"<[^>]*>", "", one).strip() for one in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)]
        for row in found
    ]


def test_the_index_lists_what_there_is_and_every_link_leads_to_it(finished: Any) -> None:
    outputs: Path = finished.home / "outputs"
    index = outputs / "root" / "phase2" / INDEX
    page = index.read_text()
    links = re.findall(r'href="([^"]+)"', page)
    linked = {(index.parent / unquote(link)).resolve() for link in links}
    made = {
        path for kind in ("html", "json", "csv", "svg") for path in outputs.glob(f"**/*/*.{kind}")
    }
    missing = {path for path in made if "models" not in path.parts} - linked - {index}
    assert not missing
    assert all(path.exists() for path in linked)
    rows = {row[0]: row[1:] for row in rows_of(page)}
    [counted] = finished.query("select count(*) as n from pairs")
    assert rows["pairs"][:2] == ["pairs", counted["n"]]
    assert set(rows) >= {"audio_only", "midi_only", "gated", "segments", "samples"}
    assert 'href="root/phase2/index.html"' in (outputs / INDEX).read_text()


def test_each_materialisation_says_what_it_cost(metadata: Callable[..., dict[str, Any]]) -> None:
    for key in (["corpus"], ["phase2", "label_structure"], ["phase2", "gated"]):
        found = metadata(*key)
        assert set(found) >= EVERY_ASSET, key
        assert 0 < found["CPU seconds"] < 100 * found["seconds"]
        assert 50 < found["peak memory, MB"] < 100_000
    assert metadata("phase2", "shortcut_audit")["page"].endswith(".html")


def test_each_tier_has_figures_that_the_ui_plots(
    finished: Any, metadata: Callable[..., dict[str, Any]]
) -> None:
    tiers = {
        tier: metadata("phase2", "pairs", partition=f"root|{tier}") for tier in ("good", "poor")
    }
    for tier, found in tiers.items():
        assert set(found) >= EVERY_ASSET | OF_TABLES
        [row] = finished.query(
            "select count(*) as n, avg(realised_snr_db) as snr_db, avg(tone_quality) as tone "
            f"from samples where tier = '{tier}'"
        )
        assert found["rows made"] == int(row["n"])
        assert found["realised SNR, dB"] == pytest.approx(float(row["snr_db"]), abs=1e-3)
        assert found["mean tone_quality"] == pytest.approx(float(row["tone"]), abs=1e-3)
        assert found["rows a second"] * found["seconds"] == pytest.approx(int(row["n"]), rel=0.05)
    assert tiers["good"]["realised SNR, dB"] > tiers["poor"]["realised SNR, dB"] + 10


def test_the_index_is_renewed_by_a_table_alone(make_poor: Callable[..., Path]) -> None:
    home = make_poor("pairs")
    page = (home / "outputs" / "root" / "phase2" / INDEX).read_text()
    tables = {row[0] for row in rows_of(page)}
    assert "pairs" in tables
    assert "samples" not in tables


def test_an_index_that_cannot_be_drawn_is_a_warning(
    finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path))
    shutil.copytree(finished.home / "data/root/segments", tmp_path / "data/root/segments")
    [log] = (tmp_path / "data/root/segments/_delta_log").glob("*0.json")
    log.write_text("torn")
    workspace, warnings = Workspace(load_settings(), Corpus(name="root")), list[str]()
    renew_index(workspace, dg.AssetKey(["phase2", "pairs"]), warnings.append)
    assert len(warnings) == 1
    assert "segments" in warnings[0]


@pytest.mark.parametrize(
    "path", sorted(Path(assets.__file__).parent.glob("*.py")), ids=lambda path: path.stem
)
def test_every_asset_accounts_for_itself(path: Path) -> None:
    code = path.read_text()
    accounts = code.count("    @accounted\n") + code.count("\n@accounted\n")
    assert code.count("@dg.asset(") == accounts + code.count("yield from run_partitions(")


def test_an_accounted_asset_s_source_is_its_own_file() -> None:
    from pipelines.assets.label_structure import label_structure_asset

    [asset] = dg.with_source_code_references([label_structure_asset("phase2")])
    [spec] = asset.specs
    [source] = spec.metadata["dagster/code_references"].code_references
    assert source.file_path.endswith("pipelines/assets/label_structure.py")


def test_every_page_made_is_legible_to_all_and_fits_a_phone(
    finished: Any, browser: Browser
) -> None:
    pages = sorted((finished.home / "outputs").glob("**/*.html"))
    assert len(pages) >= 8
    for scheme in ("light", "dark"):
        page = browser.new_page(viewport={"width": 420, "height": 900}, color_scheme=scheme)
        for path in pages:
            page.goto(path.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            found = Axe().run(page).response["violations"]
            bad = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in WORST]
            assert not bad, (path.name, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= 420, path.name
        page.close()
