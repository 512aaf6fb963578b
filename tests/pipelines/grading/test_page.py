"""The page of `score --html`, in a real browser, of made-up takes with known grades."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance
from degradation.recipe import Recipe
from labeling.scores import DIMENSIONS
from models.inference.score import Graded, Score
from models.inference.windows import Opened
from models.skill import Skill
from pipelines.grading.drawing import WIDEST_PX, draw_cells, ticks, width_px
from pipelines.grading.page import GradedTake, grade_page
from pipelines.grading.sound import LONGEST_S, take_sound
from pipelines.settings import find_recipe

RECIPE, ONE_SIGNAL = find_recipe("factored"), find_recipe("phase2")
DURATION_S = 40.0
STOP_AT_S, STOP_S = 30.0, 1.4
STOP = "0:29: Waited 1.9 s for the next note, where 0.5 s is usual."
DESKTOP, PHONE = {"width": 1400, "height": 900}, {"width": 420, "height": 800}
HOSTILE = "</title><script>window.hurt = 1</script><b>\"'.mid"

Open = Callable[..., Page]


def played() -> Performance:
    """Two notes a second, with a stop of 1.4 s before the one at 30 s, and some pedal."""
    onset_s = np.arange(0, 38, 0.5)
    onset_s = onset_s + STOP_S * (onset_s >= STOP_AT_S)
    notes = np.zeros(len(onset_s), NOTE_DTYPE)
    notes["note_id"], notes["onset_s"] = np.arange(len(onset_s)), onset_s
    notes["offset_s"] = onset_s + 0.45
    notes["pitch"] = 60 + 7 * np.arange(len(onset_s)) % 19
    notes["velocity"] = 64 + 20 * np.sin(np.arange(len(onset_s)) / 6)
    pedal = np.array([(1.0, SUSTAIN, 127), (1.5, SUSTAIN, 0)], PEDAL_DTYPE)
    return Performance(notes=notes, pedal=pedal, duration_s=DURATION_S)


@pytest.fixture
def take() -> GradedTake:
    """Seven windows: every dimension is 80, but rhythm falls to 60 where the stop is."""
    by_window = np.full((7, 8), 80.0)
    by_window[5, DIMENSIONS.index("rhythmic_stability")] = 60.0
    opened = Opened(notes=played(), sound=None, duration_s=DURATION_S)
    mean, spread = by_window.mean(axis=0).tolist(), by_window.std(axis=0).tolist()
    score = Score(
        file="lessons/take.mid",
        scores={name: mean[at] for at, name in enumerate(DIMENSIONS) if name != "tone_quality"},
        spread={name: spread[at] for at, name in enumerate(DIMENSIONS) if name != "tone_quality"},
        windows=7,
        silent_windows=0,
        duration_s=DURATION_S,
        left_out=("1 note of Choir Aahs left out",),
        modality="midi",
        model="midi_only",
        skill=dict.fromkeys(DIMENSIONS, Skill(r=0.61, error_points=8.4)),
        not_judged={"tone_quality": "no sound was heard"},
    )
    bounds_s = tuple((5.0 * k, 10.0) for k in range(7))
    graded = Graded(score=score, opened=opened, bounds_s=bounds_s, by_window=by_window)
    return GradedTake(graded=graded, sound=take_sound(opened, RECIPE))


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens takes in the browser; at the end, asserts that no page complained or asked."""
    problems: list[str] = []
    contexts = []

    def refuse(route: Route) -> None:
        problems.append(f"requested {route.request.url}")
        route.abort()

    def show(
        *takes: GradedTake,
        viewport: dict[str, int] = DESKTOP,
        scheme: str = "light",
        recipe: Recipe = RECIPE,
    ) -> Page:
        context = browser.new_context(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(60_000)
        context.route(re.compile("^(?!file:|data:)"), refuse)
        page = context.new_page()
        page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(str(error)))
        path = tmp_path / "page.html"
        path.write_text(grade_page(takes, recipe), encoding="utf-8")
        page.goto(path.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert problems == []


def test_it_says_who_graded_what_and_how_well(open_page: Open, take: GradedTake) -> None:
    page = open_page(take)
    assert page.locator("h1").inner_text() == "take.mid"
    words = page.locator("body").inner_text()
    assert page.locator(".whole").inner_text() == "80 ± 8 overall"
    assert "40 s of MIDI alone, graded by midi_only of recipe factored in 7 windows" in words
    assert "how far midi_only was off on average, on clips of pieces that it did not learn" in words
    assert "recipe factored; r = 0.61" in words
    assert "1 note of Choir Aahs left out" in words
    assert "which no listener gave" in words


def test_a_grade_has_its_error_and_what_is_not_judged_has_no_number(
    open_page: Open, take: GradedTake
) -> None:
    page = open_page(take)
    rows = page.locator(".grades tbody tr").all_inner_texts()
    found = {name: " ".join(row.split()) for name, row in zip(DIMENSIONS, rows, strict=True)}
    assert found["rhythmic_stability"] == "rhythmic stability 77 ± 8 0.61"
    assert found["tone_quality"] == "tone quality not judged: no sound was heard"
    assert page.locator(".strip").count() == 7
    assert page.locator(".strip-name", has_text="tone").count() == 0


def test_labels_of_one_signal_give_one_number(open_page: Open, take: GradedTake) -> None:
    page = open_page(take, take, recipe=ONE_SIGNAL)
    assert page.locator(".whole").all_inner_texts() == ["80 ± 8 overall"] * 2
    assert page.locator(".grades").count() == 0
    assert page.locator(".strip-name").all_inner_texts() == ["overall interpretation"] * 2
    assert len(page.locator("section tbody tr").all_inner_texts()) == 1
    assert "mostly measures noise and recording quality" in page.locator("body").inner_text()


def test_the_lowest_window_is_marked_with_what_was_measured_there(
    open_page: Open, take: GradedTake
) -> None:
    page = open_page(take)
    assert page.locator(".cell.lowest").all_inner_texts() == ["60"]
    (line,) = page.locator(".lowest-list li").all_inner_texts()
    assert line.startswith("0:25 to 0:35: rhythmic stability (−17.1). Measured there: 1. Waited")
    assert page.locator(".findings li").first.inner_text() == STOP


def test_a_finding_is_marked_in_the_notes_and_not_across_the_grades(
    open_page: Open, take: GradedTake
) -> None:
    page = open_page(take)
    mark, axis = page.locator(".mark").first.bounding_box(), page.locator(".ticks").bounding_box()
    assert mark is not None
    assert axis is not None
    assert mark["height"] > 100
    assert mark["y"] + mark["height"] <= axis["y"]


def test_both_takes_grades_fit_a_phone(open_page: Open, take: GradedTake) -> None:
    score = take.graded.score
    unlike = replace(
        score,
        scores={name: score.scores[name] for name in score.scores if name != "musical_expression"},
        not_judged=score.not_judged | {"musical_expression": "it lasts less than 10 s"},
    )
    page = open_page(take, replace(take, graded=replace(take.graded, score=unlike)), viewport=PHONE)
    table = page.locator("section .scroll")
    assert "not judged" in table.inner_text()
    assert table.evaluate("region => region.scrollWidth - region.clientWidth") == 0


def test_a_link_scrolls_the_roll_and_the_sound_to_its_moment(
    open_page: Open, take: GradedTake
) -> None:
    page = open_page(take, viewport=PHONE)
    assert page.locator(".cursor").is_hidden()
    page.locator(".findings a").first.click()
    region, cursor = page.locator(".time"), page.locator(".cursor")
    assert region.evaluate("region => region === document.activeElement")
    assert float(page.locator("audio").evaluate("audio => audio.currentTime")) == 29.5
    inside, around = cursor.bounding_box(), region.bounding_box()
    assert inside is not None
    assert around is not None
    assert around["x"] < inside["x"] < around["x"] + around["width"]
    width = page.locator(".track").bounding_box()["width"]  # type: ignore[index]
    assert cursor.evaluate("cursor => cursor.offsetLeft") == pytest.approx(
        width * 29.5 / DURATION_S, abs=2
    )


def test_the_cursor_follows_the_sound(open_page: Open, take: GradedTake) -> None:
    page = open_page(take)
    page.locator("audio").evaluate("audio => audio.play()")
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0.5")
    page.locator("audio").evaluate("audio => audio.pause()")
    assert page.locator(".cursor").evaluate("cursor => cursor.offsetLeft") > 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_never_scrolls_sideways_and_two_takes_stand_beside_or_below(
    open_page: Open, take: GradedTake, viewport: dict[str, int], scheme: str
) -> None:
    page = open_page(take, take, viewport=viewport, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    first, second = (page.locator(".take").nth(n).bounding_box() for n in (0, 1))
    assert first is not None
    assert second is not None
    assert (first["y"] == second["y"]) == (viewport is DESKTOP)
    assert page.locator(".time").first.get_attribute("tabindex") == "0"
    page.emulate_media(media="print")
    wide = page.locator(".time").first.evaluate("region => region.scrollWidth")
    assert wide <= viewport["width"]
    assert page.locator("audio").first.is_hidden()


def test_two_takes_have_a_table_of_differences(open_page: Open, take: GradedTake) -> None:
    score = take.graded.score
    better = replace(score, scores=dict.fromkeys(DIMENSIONS, 90.0), not_judged={})
    page = open_page(take, replace(take, graded=replace(take.graded, score=better)))
    rows = page.locator("section tbody tr").all_inner_texts()
    found = [row.split("\t")[-1].strip() for row in rows]
    assert found == ["+10", "+13", "+10", "+10", "–", "+10", "+10", "+10"]


def test_a_pair_is_named_by_both_files(take: GradedTake) -> None:
    score = replace(take.graded.score, file="a/one.mid + b/one.wav")
    html = grade_page([replace(take, graded=replace(take.graded, score=score))], RECIPE)
    assert "<h1>one.mid + one.wav</h1>" in html


def test_hostile_names_stay_words(open_page: Open, take: GradedTake) -> None:
    score = replace(take.graded.score, file=HOSTILE.replace("/", "∕"), left_out=(HOSTILE,))
    page = open_page(replace(take, graded=replace(take.graded, score=score)))
    assert page.evaluate("window.hurt") is None
    assert page.locator("script").count() == 1
    assert HOSTILE in page.locator("body").inner_text()


def test_a_recording_without_notes_says_how_to_see_them(open_page: Open, take: GradedTake) -> None:
    opened = replace(take.graded.opened, notes=None)
    page = open_page(replace(take, graded=replace(take.graded, opened=opened)))
    words = " ".join(page.locator("body").inner_text().split())
    assert "add its MIDI, or --transcribe, to see and measure them. Each number" in words
    assert page.locator(".strip").count() == 7
    assert page.get_by_text("What was measured").count() == 0


def test_a_take_too_long_for_the_page_has_no_sound_and_says_so(take: GradedTake) -> None:
    found = take_sound(replace(take.graded.opened, duration_s=LONGEST_S + 1), RECIPE)
    assert found.mp3 is None
    assert "more than 20 minutes" in found.remark
    assert width_px(12 * 3600.0) == WIDEST_PX
    assert len(ticks(12 * 3600.0)) < 240


def test_cells_join_up_and_a_silent_window_is_not_the_lowest() -> None:
    cells = draw_cells(np.array([80, np.nan, 70.0]), [(0, 10), (5, 10), (10, 10)], 20.0)
    assert [(cell.left, cell.width) for cell in cells] == [(0, 37.5), (37.5, 25), (62.5, 37.5)]
    assert [cell.lowest for cell in cells] == [False, False, True]
