import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, Route

from degradation.factored import FactoredRecipe
from degradation.notes import Performance
from degradation.recipe import load_recipe
from pipelines.assets.listening import describe_strength, fault_dose_jnd, listening_draws
from pipelines.listening.page import ListeningSegment, Take, listening_page
from pipelines.listening.palette import NOTE_COLOURS, TAKE_COLOURS, UNDAMAGED
from tests.conftest import play

RECIPES = Path(__file__).parents[3] / "configs" / "recipes"
SAMPLE_RATE_HZ = 24_000
DESKTOP = {"width": 1440, "height": 1000}
PHONE = {"width": 360, "height": 740}
HOSTILE_TITLE = (
    """</title></script><script>window.hurt = 1</script><b onclick="x">Für "Elise" & 'co'"""
)

LONG_S = 10.0
"""So long, a take still sounds when a slow machine looks at it after it began."""

Open = Callable[..., Page]


def sines(performance: Performance) -> np.ndarray:
    samples = np.zeros(round(SAMPLE_RATE_HZ * performance.duration_s))
    for note in performance.notes:
        first, last = (round(SAMPLE_RATE_HZ * note[edge]) for edge in ("onset_s", "offset_s"))
        frequency_hz = 440 * 2 ** ((float(note["pitch"]) - 69) / 12)
        time_s = np.arange(last - first) / SAMPLE_RATE_HZ
        samples[first:last] += 0.1 * np.sin(2 * np.pi * frequency_hz * time_s)
    return samples


def segment_of(clean: Performance, degraded: Performance) -> ListeningSegment:
    def take(name: str, after: Performance, *done: str) -> Take:
        flac = io.BytesIO()
        soundfile.write(flac, sines(after), SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
        return Take(
            name=name,
            clean=clean,
            degraded=after,
            flac=flac.getvalue(),
            duration_s=after.duration_s,
            done=done,
            scores={"note_accuracy": 61.28, "pedal_technique": 57.0},
        )

    return ListeningSegment(
        segment_id="a-0001",
        composer="Anon.",
        title="Scale in C",
        start_s=83.0,
        split="test",
        licence="CC BY-NC-SA 4.0",
        takes=(
            take("poor", degraded, "30 ms jitter", "1 of 8 notes wrong"),
            take("pristine", clean),
        ),
    )


@pytest.fixture
def segment(clean: Performance, degraded: Performance) -> ListeningSegment:
    return segment_of(clean, degraded)


@pytest.fixture
def long_segment(clean: Performance, degraded: Performance) -> ListeningSegment:
    """The same with silence behind it, for what is looked at while it sounds."""
    return segment_of(replace(clean, duration_s=LONG_S), replace(degraded, duration_s=LONG_S))


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens segments in the browser; at the end, asserts that no page complained or asked."""
    problems: list[str] = []
    contexts = []

    def refuse(route: Route) -> None:
        problems.append(f"requested {route.request.url}")
        route.abort()

    def show(
        *segments: ListeningSegment, viewport: dict[str, int] = DESKTOP, scheme: str = "light"
    ) -> Page:
        context = browser.new_context(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(180_000)
        context.route(re.compile("^(?!file:|data:)"), refuse)
        page = context.new_page()
        page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(str(error)))
        path = tmp_path / "listening.html"
        path.write_text(listening_page(segments, None, "phase2", "demo"), encoding="utf-8")
        page.goto(path.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert problems == []


def current_time_s(page: Page, take: int) -> float:
    return float(page.evaluate("n => document.querySelectorAll('audio')[n].currentTime", take))


def is_paused(page: Page, take: int) -> bool:
    return bool(page.evaluate("n => document.querySelectorAll('audio')[n].paused", take))


def wait_until_past(page: Page, take: int, time_s: float) -> None:
    page.wait_for_function(
        "([n, s]) => document.querySelectorAll('audio')[n].currentTime > s", arg=[take, time_s]
    )


def playhead_x(page: Page, take: int) -> float:
    box = page.locator(".playhead").nth(take).bounding_box()
    assert box is not None
    return box["x"]


def test_the_page_names_nothing_outside_itself(segment: ListeningSegment) -> None:
    html = listening_page([segment], None, "phase2", "demo")
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"base64,[^\"]*", "", html))
    assert "default-src 'none'" in html


def test_play_sounds_and_moves_the_playhead(
    open_page: Open, long_segment: ListeningSegment
) -> None:
    page = open_page(long_segment)
    start_x = playhead_x(page, 0)
    page.get_by_role("button", name="Play the pristine take").click()
    wait_until_past(page, 0, 2.0)
    assert playhead_x(page, 0) > start_x + 20, "the playhead stands still while it sounds"
    page.get_by_role("button", name="Pause the pristine take").click()
    # The player stops at once and tells of it later; a slow machine looks in between.
    page.wait_for_function(
        """() => {
          const audio = document.querySelector("audio");
          const tenths = (10 * audio.currentTime).toFixed(0).padStart(2, "0");
          const clock = `0:0${tenths[0]}.${tenths[1]}`;
          return audio.paused && document.querySelector(".now").textContent === clock;
        }"""
    )
    time_s = current_time_s(page, 0)
    width = page.locator(".roll").nth(0).bounding_box()["width"]  # type: ignore[index]
    assert playhead_x(page, 0) - start_x == pytest.approx(width * time_s / LONG_S, abs=2)


def test_the_clock_carries_into_the_minutes(open_page: Open, segment: ListeningSegment) -> None:
    page = open_page(segment)
    for time_s, shown in (
        (0, "0:00.0"),
        (9.96, "0:10.0"),
        (59.94, "0:59.9"),
        (59.96, "1:00.0"),
        (125.5, "2:05.5"),
    ):
        assert page.evaluate("s => clock(s)", time_s) == shown


def test_a_take_can_be_played_to_its_end_and_again(
    open_page: Open, long_segment: ListeningSegment
) -> None:
    page = open_page(long_segment)
    page.locator(".roll").nth(0).press("End")
    page.locator(".roll").nth(0).press("ArrowLeft")
    page.locator(".play").nth(0).click()
    page.wait_for_function(
        """() => document.querySelector("audio").ended &&
                 !document.querySelector(".take.playing")"""
    )
    page.locator(".play").nth(0).click()
    page.wait_for_function(
        """() => {
          const audio = document.querySelector("audio");
          return !audio.paused && audio.currentTime < 9;
        }"""
    )


def test_the_sound_inside_is_the_sound_that_was_given(
    open_page: Open, segment: ListeningSegment, degraded: Performance
) -> None:
    page = open_page(segment)
    duration_s, rms = page.evaluate(
        """async () => {
          const source = document.querySelectorAll("audio")[1].src.split(",")[1];
          const bytes = Uint8Array.from(atob(source), (letter) => letter.charCodeAt(0));
          const context = new OfflineAudioContext(1, 1, 24000);
          const decoded = await context.decodeAudioData(bytes.buffer);
          const samples = decoded.getChannelData(0);
          const meanSquare = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
          return [decoded.duration, Math.sqrt(meanSquare)];
        }"""
    )
    assert duration_s == pytest.approx(degraded.duration_s, abs=1e-3)
    assert rms == pytest.approx(np.sqrt(np.mean(sines(degraded) ** 2)), rel=1e-3)


def test_starting_one_player_stops_the_other(
    open_page: Open, long_segment: ListeningSegment
) -> None:
    page = open_page(long_segment)
    page.locator(".play").nth(0).click()
    wait_until_past(page, 0, 0.1)
    page.locator(".play").nth(1).click()
    wait_until_past(page, 1, 0.1)
    assert is_paused(page, 0)
    assert not is_paused(page, 1)
    assert page.locator(".take.playing").get_attribute("data-name") == "poor"


def test_a_click_on_the_roll_seeks(open_page: Open, segment: ListeningSegment) -> None:
    page = open_page(segment)
    roll = page.locator(".roll").nth(0)
    box = roll.bounding_box()
    assert box is not None
    roll.click(position={"x": 0.75 * box["width"], "y": 20})
    assert current_time_s(page, 0) == pytest.approx(1.5, abs=0.02)
    assert playhead_x(page, 0) == pytest.approx(box["x"] + 0.75 * box["width"], abs=2)
    assert is_paused(page, 0)


def test_the_keyboard_seeks_and_plays(open_page: Open, long_segment: ListeningSegment) -> None:
    page = open_page(long_segment)
    roll = page.get_by_role("slider", name="Position in the poor take of Anon., Scale in C")
    roll.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert current_time_s(page, 1) == pytest.approx(0.5, abs=0.01)
    assert roll.get_attribute("aria-valuetext") == f"0.5 of {LONG_S:.1f} seconds"
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    wait_until_past(page, 1, 0.1)
    page.keyboard.press("Space")
    assert is_paused(page, 1)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_notes_are_drawn_by_what_became_of_them(open_page: Open, segment: ListeningSegment) -> None:
    page = open_page(segment)
    kinds = ("kept", "moved", "wrong", "missed", "extra", "meant")
    count = [
        [page.locator(f".take >> nth={n} >> .note.{kind}").count() for kind in kinds]
        for n in (0, 1)
    ]
    assert count == [[8, 0, 0, 0, 0, 0], [5, 1, 1, 1, 1, 1]]
    missed = page.locator(".note.missed")
    assert missed.get_attribute("x") == "500"
    assert missed.evaluate("note => getComputedStyle(note).fill") == "none"
    red, green, blue = (int(NOTE_COLOURS["wrong"][i : i + 2], 16) for i in (1, 3, 5))  # type: ignore[index]
    wrong = page.locator(".note.wrong")
    assert wrong.evaluate("note => getComputedStyle(note).fill") == f"rgb({red}, {green}, {blue})"
    words = "A♭4, G4 was meant, velocity 80"
    assert wrong.evaluate("note => note.querySelector('title').textContent") == words


def test_the_pedal_is_drawn_as_deep_as_it_went(open_page: Open, segment: ListeningSegment) -> None:
    page = open_page(segment)
    path = page.locator(".pedal path").nth(0).get_attribute("d")
    assert path == "M0 127H500V0H1000V87H1500V127H2000V127Z"


def test_cards_stand_from_best_to_worst_and_say_what_was_done(
    open_page: Open, segment: ListeningSegment
) -> None:
    page = open_page(segment, segment)
    tiers = page.locator(".take").evaluate_all("cards => cards.map((card) => card.dataset.name)")
    assert tiers == ["pristine", "poor"] * 2
    poor = page.locator(".take").nth(1)
    assert poor.locator(".done li").all_inner_texts() == ["30 ms jitter", "1 of 8 notes wrong"]
    assert poor.locator(".measured li").nth(0).inner_text() == "8 notes: 1 wrong, 1 missed, 1 added"
    assert poor.locator(".scores dd").all_inner_texts() == ["61.3", "57.0"]
    assert page.get_by_text("drawn at random").count() == 1  # scores are, and the page says so once
    facts = page.locator(".facts").nth(0).locator("li").all_inner_texts()
    assert facts == ["from 1:23", "test split", "CC BY-NC-SA 4.0", "a-0001"]


def test_hostile_words_stay_words(open_page: Open, segment: ListeningSegment) -> None:
    hostile = replace(
        segment,
        title=HOSTILE_TITLE,
        composer=HOSTILE_TITLE,
        licence=HOSTILE_TITLE,
        takes=tuple(replace(take, done=(HOSTILE_TITLE,)) for take in segment.takes),
    )
    page = open_page(hostile)
    assert page.evaluate("window.hurt") is None
    assert page.locator("script").count() == 1
    assert page.locator("b").count() == 0
    assert page.locator(".segment h2").text_content() == HOSTILE_TITLE
    assert page.locator(".done li").nth(0).text_content() == HOSTILE_TITLE
    label = page.locator(".play").nth(0).get_attribute("aria-label")
    assert label == f"Play the pristine take of {HOSTILE_TITLE}, {HOSTILE_TITLE}"


def test_a_phone_shows_one_column_and_never_scrolls_sideways(
    open_page: Open, segment: ListeningSegment
) -> None:
    long_word = replace(segment, title="Klaviersonatensatzdurchführung" * 4, segment_id="x" * 90)
    page = open_page(long_word, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    first, second = (page.locator(".take").nth(n).bounding_box() for n in (0, 1))
    assert first is not None
    assert second is not None
    assert second["y"] >= first["y"] + first["height"]


def test_it_follows_a_dark_theme(open_page: Open, segment: ListeningSegment) -> None:
    ink_on_paper = (
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    light = open_page(segment).evaluate(ink_on_paper)
    dark = open_page(segment, scheme="dark").evaluate(ink_on_paper)
    brightness = [
        sum(map(int, re.findall(r"\d+", colour))) for theme in (light, dark) for colour in theme
    ]
    assert brightness[0] < brightness[1]
    assert brightness[2] > brightness[3]


def test_the_same_segments_make_the_same_page(segment: ListeningSegment) -> None:
    one, other = (listening_page([segment], None, "a", "b") for _ in range(2))
    assert one == other
    assert set(TAKE_COLOURS) >= {take.name for take in segment.takes}


def test_a_page_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one segment"):
        listening_page([], None, "phase2", "demo")


@pytest.mark.parametrize(
    ("severities_jnd", "heard_jnd"), [((0.5, 1.0, 2.0, 4.0, 8.0), 4.0), ((1.0, 3.0, 6.0), 3.0)]
)
def test_each_fault_is_heard_at_the_severity_nearest_to_4_jnd_and_the_page_says_which(
    severities_jnd: tuple[float, ...], heard_jnd: float
) -> None:
    shipped = load_recipe(RECIPES / "factored.yaml")
    assert isinstance(shipped, FactoredRecipe)
    asked = shipped.counterfactual.model_copy(update={"severities_jnd": severities_jnd})
    recipe = shipped.model_copy(update={"counterfactual": asked})
    music = play("Schubert_D935_no.3", "2", 0)
    takes = listening_draws(recipe, {"segment_id": "a-0001"}, music)  # type: ignore[typeddict-item]
    faults = {name: draw for name, draw in takes.items() if name != UNDAMAGED}
    assert len(faults) >= 6
    assert {draw.varied_severity_jnd for draw in faults.values()} == {heard_jnd}  # type: ignore[union-attr]
    assert fault_dose_jnd(recipe) == heard_jnd


def test_the_introduction_names_the_severity_of_the_faults(segment: ListeningSegment) -> None:
    html = listening_page([segment], 1.5, "factored", "demo")
    assert "at 1.5 times what is just noticeable" in html


@pytest.mark.parametrize(
    ("strength", "shown"),
    [(5800.0, "5,800"), (12345.6, "12,300"), (0.0052, "0.0052"), (17.26, "17.3"), (0.0, "0"),
     (-6.0, "-6"), (2e6, "2,000,000"), (3e-5, "0.00003")],
)  # fmt: skip
def test_a_strength_is_told_without_a_power_of_ten(strength: float, shown: str) -> None:
    assert describe_strength("low_pass", strength, "Hz") == f"low pass: {shown} Hz"
