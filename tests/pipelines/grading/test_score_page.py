"""`score --html` on a finished project."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import Browser

from degradation.degrade import replay_notes
from degradation.halting import Insertion, insert_time
from degradation.notes import Performance
from storage.midi import read_midi, write_midi

STOP_S = 1.7
WAITS = re.compile(r"Waited ([0-9.]+) s for the next note, where ([0-9.]+) s is usual")


def stopped(music: Performance) -> Performance:
    """Return the music with a stop in its middle."""
    at_s = float(music.notes["onset_s"][len(music.notes) // 2])
    return replay_notes(music, [insert_time(music, [Insertion(at_s, STOP_S)])])


def test_a_page_of_two_takes_shows_the_stop_that_was_put_in(
    finished: Any, browser: Browser, tmp_path: Path
) -> None:
    source = next(path for path in sorted(finished.root.rglob("*.mid*")))
    music = read_midi(source.read_bytes(), source.name)
    (tmp_path / "halted.mid").write_bytes(write_midi(stopped(music)))
    page_file = tmp_path / "page.html"
    files = (str(source), str(tmp_path / "halted.mid"))
    answer = finished.pianograde("score", *files, "--html", str(page_file))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == f"page {page_file}"
    page = browser.new_page(viewport={"width": 420, "height": 800})
    page.goto(page_file.as_uri())
    first, second = (page.locator(".take").nth(n).inner_text() for n in (0, 1))
    usual_s = {wait: float(usual) for wait, usual in WAITS.findall(second)}
    added = [wait for wait, usual in usual_s.items() if abs(float(wait) - usual - STOP_S) < 0.11]
    assert added
    assert not set(added) & {wait for wait, _ in WAITS.findall(first)}
    assert "± is how far" in first
    assert page.evaluate("document.documentElement.scrollWidth") == 420
    page.close()


def test_a_recording_is_graded_and_heard(finished: Any, browser: Browser, tmp_path: Path) -> None:
    hum = 0.2 * np.sin(np.arange(12 * 24_000) / 20)
    soundfile.write(tmp_path / "take.wav", hum, 24_000)
    page_file = tmp_path / "page.html"
    answer = finished.pianograde("score", str(tmp_path / "take.wav"), "--html", str(page_file))
    assert answer.returncode == 0, answer.stderr
    page = browser.new_page()
    page.goto(page_file.as_uri())
    page.wait_for_function("() => document.querySelector('audio').duration > 0", timeout=60_000)
    assert abs(page.locator("audio").evaluate("audio => audio.duration") - 12) < 0.1
    page.close()


def test_more_than_two_takes_and_no_folder_are_one_line(finished: Any, tmp_path: Path) -> None:
    source = str(next(path for path in sorted(finished.root.rglob("*.mid*"))))
    for files, page, words in (
        ([source] * 3, tmp_path / "page.html", "--html got 3 performances; expected one or two"),
        ([source], tmp_path / "no" / "page.html", "expected one to write page.html into"),
    ):
        answer = finished.pianograde("score", *files, "--html", str(page))
        assert answer.returncode != 0
        assert words in answer.stderr
        assert len(answer.stderr.splitlines()) == 1
        assert not page.exists()
