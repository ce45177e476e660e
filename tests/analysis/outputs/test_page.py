# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: a click in the timeline seeks in the film, and nothing is asked of any host."""

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from emoclip.analysis.outputs.page import page, video_source


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WORDS = ["joy", "</script><b>quiet", "驚き 😀"]


@pytest.fixture
def write_page(make_timeline, make_clip, tmp_path):
    """Writes the page of a film of 97 frames (3.88 s) and returns its path."""

    def write(mode="auto"):
        film = shutil.copyfile(make_clip(97, "film.mp4"), tmp_path / "a film #1.mp4")
        windows = [(1, 0.0, 2.0, (0.7, 0.2, 0.1), ""), (1, 2.0, 3.88, (0.1, 0.2, 0.7), "small face")]
        people = pd.DataFrame(
            {"person": 1, "time": [0.0, 0.5, 1.0], "x1": [2, 4, 6], "y1": 1, "x2": [12, 14, 16], "y2": 11}
        )
        path = tmp_path / "page.html"
        video = video_source(film, path, mode)
        text = page(
            make_timeline(windows, WORDS), people, title="a \x1bfilm", facts="faces, m", notes=["A note."], video=video
        )
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def browser_page():
    """An open tab of a headless browser that fails on any request to a host and on any error of the script."""
    if BROWSER is None:
        pytest.skip("needs a Chromium: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        tab = browser.new_page(viewport={"width": 1000, "height": 1400})
        asked, errors = [], []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        yield tab
        browser.close()
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []


def open_page(tab, path):
    tab.goto(path.as_uri())
    tab.wait_for_function("document.querySelector('video').readyState >= 1", timeout=60_000)


def time_of(tab, wanted):
    tab.wait_for_function(f"Math.abs(document.querySelector('video').currentTime - {wanted}) < 0.1", timeout=60_000)
    return tab.evaluate("document.querySelector('video').currentTime")


@pytest.mark.parametrize("mode", ["embed", "link"])
def test_click_in_the_timeline_seeks(mode, write_page, browser_page):
    """What the page is for; the film inside it, and beside it."""
    open_page(browser_page, write_page(mode))
    lane = browser_page.locator(".lane").first
    box = lane.bounding_box()
    browser_page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 5)
    assert time_of(browser_page, 0.75 * 3.88) == pytest.approx(0.75 * 3.88, abs=0.1)
    assert browser_page.locator("#clock").inner_text() == "0:02.91"
    assert browser_page.locator("tr.now").inner_text().split("\t")[2:] == ["驚き 😀", "70.0 %", "small face"]


def test_segments_and_keys_seek(write_page, browser_page):
    """For those who use no mouse."""
    open_page(browser_page, write_page())
    browser_page.locator("#segments button").nth(1).click()
    time_of(browser_page, 1.97)
    browser_page.locator(".lane").first.focus()
    browser_page.keyboard.press("ArrowLeft")
    time_of(browser_page, 0.97)


def test_words_are_text_whatever_they_hold(write_page, browser_page):
    """A word with markup must not run as a script."""
    open_page(browser_page, write_page())
    assert sorted(browser_page.locator(".word").all_inner_texts()) == sorted(WORDS)
    assert browser_page.locator("#title").inner_text() == "a \\x1bfilm"


def test_page_without_film_still_works(write_page, browser_page):
    browser_page.goto(write_page("none").as_uri())
    browser_page.locator("#segments button").nth(1).click()
    assert browser_page.locator("#clock").inner_text() == "0:01.97"
    assert "without the film" in browser_page.locator("#player").inner_text()


def test_film_that_the_browser_cannot_play_is_said(write_page, browser_page, tmp_path):
    path = write_page("link")
    (tmp_path / "a film #1.mp4").write_bytes(b"no film")
    browser_page.goto(path.as_uri())
    browser_page.locator(".missing").wait_for(timeout=60_000)
    assert "cannot play the film" in browser_page.locator(".missing").inner_text()


def test_page_holds_its_data_and_no_address(write_page):
    """Without a browser: the data can be read, and nothing leads anywhere."""
    text = write_page("embed").read_text()
    content = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert content["segments"][0]["word"] == "joy"
    assert content["boxes"] == {
        "1": [[0.0, 2.0, 1.0, 12.0, 11.0], [0.5, 4.0, 1.0, 14.0, 11.0], [1.0, 6.0, 1.0, 16.0, 11.0]]
    }
    assert re.findall(r"(?:src|href)=[\"']?https?:", text) == []
    outside = [address for address in re.findall(r"https?://[^\s\"'<]+", text) if "www.w3.org/2000/svg" not in address]
    assert outside == []


def test_large_films_are_linked(make_clip, tmp_path, monkeypatch):
    film = make_clip(5, "big.mp4")
    monkeypatch.setattr("emoclip.analysis.outputs.page.LARGEST_INSIDE", 10)
    assert "link" in video_source(film, tmp_path / "a.html")
    with pytest.raises(ValueError, match="one of auto, embed, link, none, got 'inside'"):
        video_source(film, tmp_path / "a.html", "inside")
    with pytest.raises(FileNotFoundError, match="html_video='none'"):
        video_source(Path("no.mp4"), tmp_path / "a.html")


def test_a_telephone_shows_curves_and_times_that_stand_apart(write_page, browser_page):
    """At 360 pixels the names took the room of the curves, and the times lay upon one another."""
    browser_page.set_viewport_size({"width": 360, "height": 700})
    open_page(browser_page, write_page("embed"))
    assert browser_page.locator(".lane").first.bounding_box()["width"] > 250
    boxes = [tick.bounding_box() for tick in browser_page.locator(".scale span").all()]
    assert len(boxes) >= 3
    assert all(one["x"] + one["width"] < other["x"] for one, other in pairwise(boxes))
    assert browser_page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "relative match to your words, full height" in browser_page.locator("#legend").inner_text()
