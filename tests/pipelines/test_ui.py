"""The real Dagster: web server and daemon, a page in a real browser, a change that is followed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Browser

from pipelines.checks.pairs import PAIRS_CHECKS
from pipelines.settings import CONFIGS

pytestmark = pytest.mark.slow

RUNS = (
    "{runsOrError(limit: 100) {... on Runs {results "
    "{runId status jobName assetSelection {path} tags {key value} "
    "repositoryOrigin {repositoryLocationName}}}}}"
)
SENSORS = (
    '{sensorsOrError(repositorySelector: {repositoryName: "__repository__", '
    'repositoryLocationName: "pipelines.definitions"}) {... on Sensors {results {name '
    "sensorState {ticks(limit: 20) {status timestamp endTimestamp}}}}}}"
)
REEXECUTE = (
    'mutation {{launchRunReexecution(reexecutionParams: {{parentRunId: "{run_id}", '
    "strategy: ALL_STEPS}}) {{__typename ... on LaunchRunSuccess {{run {{runId}}}}}}}}"
)
ASSETS = "{assetNodes {assetKey {path} groupName description owners {__typename} kinds}}"


@dataclass(frozen=True, slots=True)
class Ui:
    url: str
    recipes: Path
    process: int

    def ask(self, query: str) -> Any:
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["data"]

    def ended_ticks(self, sensor: str) -> list[dict[str, Any]]:
        """Return a sensor's evaluations that came to their end, the latest first."""
        sensors = self.ask(SENSORS)["sensorsOrError"]["results"]
        (state,) = (found["sensorState"] for found in sensors if found["name"] == sensor)
        return [tick for tick in state["ticks"] if tick["status"] in ("SKIPPED", "SUCCESS")]

    def runs(self) -> list[dict[str, Any]]:
        return self.ask(RUNS)["runsOrError"]["results"]


def wait_for(what: Callable[[], Any], timeout_s: float) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if found := what():
                return found
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(1)
    raise AssertionError(f"nothing within {timeout_s} s")


def free_pair() -> int:
    """Return a port that is free together with the next one.

    They lie below those that the system gives to whoever asks for any, so that nobody is given
    one of them before the server has it.
    """
    for port in range(20_000 + 2 * (os.getpid() % 5_000), 32_000, 2):
        try:
            with socket.socket() as one, socket.socket() as next_one:
                one.bind(("127.0.0.1", port))
                next_one.bind(("127.0.0.1", port + 1))
        except OSError:
            continue
        return port
    raise AssertionError("no two ports in a row are free")


@pytest.fixture(scope="module")
def ui(new_project: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    project = new_project()
    assert project.run(stages=4).returncode == 0
    folder = tmp_path_factory.mktemp("ui")
    shutil.copytree(CONFIGS / "recipes", folder / "recipes")
    (folder / "recipes" / "phase2_recorded.yaml").unlink()
    port = free_pair()
    environment = project.environment | {"PIANOGRADE_RECIPES": str(folder / "recipes")}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "ui", "--port", str(port)],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        served = Ui(f"http://127.0.0.1:{port}", folder / "recipes", server.pid)
        wait_for(lambda: served.ask(ASSETS)["assetNodes"], 900)
        yield served
    finally:
        os.killpg(server.pid, signal.SIGINT)
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def test_nothing_listens_but_the_ui_and_the_pages_and_to_this_machine_alone(ui: Ui) -> None:
    command = psutil.Process(ui.process)
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for process in (command, *command.children(recursive=True))
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    port = int(ui.url.rpartition(":")[2])
    assert listening == {("127.0.0.1", port), ("127.0.0.1", port + 1)}


def test_its_log_does_not_begin_with_a_warning_that_nobody_can_heed(ui: Ui) -> None:
    log = (ui.recipes.parent / "log").read_text()
    assert "Launching Dagster services" in log
    assert "superseded" not in log


def test_every_asset_has_a_description_a_group_owners_and_kinds(ui: Ui) -> None:
    nodes = ui.ask(ASSETS)["assetNodes"]
    names = {"/".join(node["assetKey"]["path"]) for node in nodes}
    assert {"corpus", "segments", "phase2/pairs", "phase2/samples", "phase2/evaluation"} <= names
    for node in nodes:
        assert node["description"], node
        assert node["groupName"] != "default", node
        assert node["owners"], node
        assert node["kinds"], node


def test_runs_from_the_command_line_show_in_the_ui(ui: Ui, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1500, "height": 900})
    page.set_default_timeout(120_000)
    page.goto(f"{ui.url}/runs")
    page.get_by_text("Success").nth(1).wait_for()  # a run of each stage
    page.goto(f"{ui.url}/assets/phase2/pairs")
    nodes = ui.ask(ASSETS)["assetNodes"]
    (pairs,) = (node for node in nodes if node["assetKey"]["path"] == ["phase2", "pairs"])
    page.get_by_text(pairs["description"].partition("`")[0].strip()).wait_for()
    page.get_by_text("Row count").wait_for()
    page.close()


def test_a_partition_is_launched_watched_and_looked_at_in_the_browser(
    ui: Ui, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(120_000)
    page.goto(f"{ui.url}/assets/phase2/pairs")
    page.get_by_role("button", name="Materialize").first.click()
    for value in ("root", "poor"):
        page.get_by_text("Select a partition").first.click()
        page.locator(f"text=/^{value}$/ >> visible=true").last.click()
        page.get_by_text("Launch runs to materialize").click()  # closes the list
    page.get_by_role("button", name="Launch").last.click()
    page.get_by_text("Launched run").wait_for()
    page.get_by_role("link", name="View", exact=True).or_(
        page.get_by_role("button", name="View", exact=True)
    ).first.click()
    page.get_by_text("Success", exact=True).first.wait_for(timeout=300_000)
    page.get_by_text("partition: root|poor").first.wait_for()
    page.goto(f"{ui.url}/assets/phase2/pairs?view=checks")
    page.get_by_text("Succeeded").nth(len(PAIRS_CHECKS) - 1).wait_for()
    page.get_by_text("root|poor").first.wait_for()  # the checks judge the partition alone
    page.goto(f"{ui.url}/assets/phase2/pairs?view=events")
    page.get_by_text("realised SNR, dB").wait_for()
    page.locator("tr", has_text="before and after").get_by_text("Show Markdown").click()
    picture = page.locator("img[alt^='piano roll and spectrogram']")
    picture.wait_for()
    assert picture.evaluate("img => img.naturalWidth") > 800
    sheet = page.locator(".dagster-dialog").bounding_box()
    shown = picture.bounding_box()
    assert shown
    assert sheet
    assert shown["x"] + shown["width"] <= sheet["x"] + sheet["width"], "nothing is cut off"
    page.close()


def test_a_run_of_the_command_line_is_executed_again_from_the_ui(ui: Ui) -> None:
    (run,) = (run for run in ui.runs() if run["jobName"] == "corpus_tables")
    assert run["repositoryOrigin"]["repositoryLocationName"] == "pipelines.definitions"
    answer = ui.ask(REEXECUTE.format(run_id=run["runId"]))["launchRunReexecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer

    def ended() -> str | None:
        status = {found["runId"]: found["status"] for found in ui.runs()}[answer["run"]["runId"]]
        return status if status in ("SUCCESS", "FAILURE") else None

    assert wait_for(ended, 300) == "SUCCESS"


def test_saving_a_recipe_makes_exactly_the_changed_tiers_again(ui: Ui) -> None:
    def taken_as_given() -> bool:
        """Return whether the automation has evaluated once what the recipes' sensor observed."""
        observed = [tick["endTimestamp"] for tick in ui.ended_ticks("recipes_changed")]
        evaluated = [tick["timestamp"] for tick in ui.ended_ticks("make_again_what_changed")]
        return bool(observed and evaluated) and max(evaluated) > min(observed)

    wait_for(taken_as_given, 900)
    before = {run["runId"] for run in ui.runs()}
    recipe = ui.recipes / "phase2.yaml"
    recipe.write_text("# a comment changes nothing\n" + recipe.read_text())
    text = recipe.read_text()
    text = text.replace("spread_s: 0.030", "spread_s: 0.031")
    recipe.write_text(text.replace("spread_s: 0.060", "spread_s: 0.070"))

    def samples_made_again() -> list[dict[str, Any]]:
        new = [run for run in ui.runs() if run["runId"] not in before]
        done = [run for run in new if run["status"] == "SUCCESS"]
        made = {asset["path"][-1] for run in done for asset in run["assetSelection"] or []}
        return new if {"pairs", "samples", "audio_features", "midi_tokens"} <= made else []

    new = wait_for(samples_made_again, 1800)
    assert all(run["status"] != "FAILURE" for run in new)
    for run in new:
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        partitions = {
            value for key, value in tags.items() if key.startswith("dagster/asset_partition_range")
        }
        partitions |= {tags["dagster/partition"]} if "dagster/partition" in tags else set()
        assert partitions <= {"root|moderate", "root|poor", "root"}, tags
    assert any(
        "dagster/partition" in str(run["tags"]) or "partition_range" in str(run["tags"])
        for run in new
    )
