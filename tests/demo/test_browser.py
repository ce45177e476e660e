# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser, as a visitor uses it. Pictures are written to the folder of EMOCLIP_SCREENSHOTS, if it is set."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from emoclip.demo import wording
from emoclip.demo.parts import example_clips
from tests.demo.conftest import served


pytestmark = pytest.mark.slow
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run",
    "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip
# A busy computer must not make a test fail.
PATIENCE = int(os.environ.get("EMOCLIP_PATIENCE", "120000"))
CELLS = "#emo-timeline .emo-cells button"


@pytest.fixture(scope="module")
def page_address(tmp_path_factory):
    """The page with the embedded default, whose faces the examples are."""
    with served(tmp_path_factory.mktemp("page"), seconds=60) as (address, studio):
        yield address, studio


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        pytest.skip("needs a Chromium: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, page_address) -> Callable:
    """Returns a function that opens the page in a fresh browser and consents; faults of the page fail the test."""
    contexts, faults = [], []

    def ours(url: str) -> bool:
        return url.startswith((page_address[0], "data:", "blob:"))

    def open_page(*, consent: bool = True, **options):
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "permissions": ["camera"], **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: None if ours(request.url) else faults.append(f"outside: {request.url}"))
        page.goto(page_address[0])
        page.wait_for_selector("#emo-consent input")
        if consent:
            page.check("#emo-consent input")
            page.wait_for_selector("#emo-analyse", state="visible")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def choose(page, clip: str, button: str = "#emo-analyse", wait: str = CELLS) -> None:
    """Upload a file, press the button, and wait for what comes of it."""
    upload(page, clip)
    page.click(button)
    page.wait_for_selector(wait)


def upload(page, clip: str, player: str = "#emo-player") -> None:
    page.set_input_files(f"{player} input[type=file]", clip)
    page.wait_for_selector(f"{player} video")


def picture(page, name: str) -> None:
    if folder := os.environ.get("EMOCLIP_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def clip_named(name: str) -> str:
    return next(path for path in example_clips() if name in path)


def test_consent_comes_first(visit):
    """Neither a file nor the camera can be reached before."""
    page = visit(consent=False)
    assert "apparent expression" in page.inner_text("#notice")
    assert not page.is_visible("#emo-analyse")
    assert page.locator("input[type=file]:visible").count() == 0
    picture(page, "consent")
    page.check("#emo-consent input")
    page.wait_for_selector("#emo-analyse", state="visible")
    page.uncheck("#emo-consent input")
    page.wait_for_selector("#emo-analyse", state="hidden")


def test_upload_analyse_seek_and_take_away(visit, tmp_path):
    """The whole way of a visitor: two persons, a click that moves the player, files that open."""
    page = visit()
    choose(page, clip_named("two_persons"))
    assert page.locator("#emo-ranking h4").all_inner_texts() == ["Person 1", "Person 2"]
    page.wait_for_selector("#emo-result video")
    cell = page.locator(CELLS).nth(1)
    wanted = float(cell.get_attribute("data-seek"))
    assert wanted > 0
    cell.click()
    page.wait_for_function(f"Math.abs(document.querySelector('#emo-result video').currentTime - {wanted}) < 0.05")
    assert "seconds" in page.inner_text("#emo-timeline [role=status]")
    page.wait_for_selector("#emo-frames img")
    picture(page, "analyse")
    page.wait_for_selector("#emo-csv:not([disabled])")
    with page.expect_download() as download:
        page.click("#emo-csv")
    download.value.save_as(tmp_path / "taken.csv")
    table = pd.read_csv(tmp_path / "taken.csv")
    assert set(table["person"]) == {1, 2}
    assert set(table["emotion"]) == {*wording.DEFAULT_WORDS.split("\n"), "none of these"}
    with page.expect_download() as download:
        page.click("#emo-film")
    download.value.save_as(tmp_path / "taken.mp4")
    from modeling_emoclip.video_decoding_emoclip import probe_video

    assert probe_video(tmp_path / "taken.mp4").duration == pytest.approx(5.1, abs=0.3)


def test_other_words_are_scored_as_they_are_typed(visit):
    """Without another look at the video; markup is shown as text, half a list is no fault."""
    page = visit()
    choose(page, clip_named("one_person"))
    page.fill("#emo-words textarea", "quiet relief\n<b>awe</b>\nguilty")
    page.wait_for_function("document.querySelector('#emo-ranking').innerText.includes('quiet relief')")
    assert "<b>awe</b>" in page.inner_text("#emo-ranking")
    page.wait_for_function("document.querySelector('#emo-notes').innerText.includes('crime')")
    page.fill("#emo-words textarea", "")
    page.wait_for_function("document.querySelector('#emo-notes').innerText.includes('at least one word')")
    assert "quiet relief" in page.inner_text("#emo-ranking")


def test_a_compound_is_built_and_scored(visit):
    """Components and weights become a sum among the words."""
    page = visit()
    choose(page, clip_named("one_person"))
    page.get_by_role("button", name=wording.COMPOUND).first.click()
    parts = page.get_by_label(wording.COMPOUND_PARTS).first
    for word in ("happiness", "surprise"):
        parts.fill(word)
        parts.press("Enter")
    page.get_by_label(wording.COMPOUND_WEIGHTS).first.fill("1, 2")
    page.get_by_role("button", name=wording.COMPOUND_ADD).first.click()
    page.wait_for_function("document.querySelector('#emo-ranking').innerText.includes('happiness + 2*surprise')")


def test_an_example_and_a_kept_list(visit):
    """One click loads an example; a list that was kept is there after a reload."""
    page = visit()
    page.locator("#emo-tabs .gallery-item:visible, #emo-tabs .gallery button:visible").first.click()
    page.wait_for_selector("#emo-player video")
    page.fill("#emo-words textarea", "my word, another")
    page.get_by_role("button", name=wording.KEEP_LIST).first.click()
    page.wait_for_function("Object.keys(localStorage).some((key) => key.includes('emoclip-own-list'))")
    page.reload()
    page.wait_for_selector("#emo-consent input")
    page.check("#emo-consent input")
    preset = page.get_by_label(wording.PRESET).first
    preset.click()
    page.get_by_role("option", name=re.compile("My own list")).click()
    page.wait_for_function("document.querySelector('#emo-words textarea').value.includes('my word')")


def test_the_camera_is_offered_and_records(visit):
    """A fake camera shows a pattern without a face: it is said, not scored."""
    page = visit()
    player = page.locator("#emo-player")
    player.get_by_role("button", name="Capture from camera").click()
    player.get_by_text("Click to Access Webcam").click()
    # The same button starts and stops.
    record = player.get_by_role("button", name=re.compile("recording"))
    record.click()
    player.get_by_text("Stop").wait_for()
    page.wait_for_timeout(2500)
    record.click()
    page.wait_for_selector("#emo-player video[src]")
    page.click("#emo-analyse")
    page.wait_for_function("document.querySelector('#emo-notes').innerText.includes('No face was found')")


def test_two_prompt_styles_are_compared(visit):
    """One clip, two columns and their difference."""
    page = visit()
    page.get_by_role("tab", name=wording.TAB_COMPARE).click()
    upload(page, clip_named("one_person"), "#emo-compare-player")
    page.click("#emo-compare")
    page.wait_for_selector("#emo-compare-b .emo-line")
    assert page.locator("#emo-compare-a .emo-line").count() == page.locator("#emo-compare-b .emo-line").count()
    picture(page, "compare")


def test_moments_are_found_and_lead_there(visit):
    """A button for each of the most similar windows."""
    page = visit()
    page.get_by_role("tab", name=wording.TAB_SEARCH).click()
    upload(page, clip_named("one_person"), "#emo-search-player")
    page.fill("#emo-search-words textarea", "surprise")
    page.click("#emo-search")
    page.wait_for_selector("#emo-moments button[data-seek]")
    button = page.locator("#emo-moments button[data-seek]").first
    button.click()
    wanted = float(button.get_attribute("data-seek"))
    page.wait_for_function(
        f"Math.abs(document.querySelector('#emo-search-player video').currentTime - {wanted}) < 0.05"
    )
    picture(page, "moments")


def test_faults_are_told_in_the_page(visit, tmp_path):
    """Nothing chosen, and a file that is no video."""
    page = visit()
    page.click("#emo-analyse")
    page.wait_for_selector("text=A video or a picture must be chosen first")
    (tmp_path / "text.mp4").write_text("this is no video")
    page.set_input_files("#emo-player input[type=file]", tmp_path / "text.mp4")
    page.wait_for_timeout(1500)
    page.click("#emo-analyse")
    page.wait_for_selector("text=must be a video or a picture")


def test_it_works_on_a_phone_and_in_the_dark(visit):
    """Nothing is cut off at the side, and the text stands out."""
    page = visit(viewport={"width": 390, "height": 800}, color_scheme="dark", has_touch=True)
    choose(page, clip_named("one_person"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(CELLS).first.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    picture(page, "phone")


def test_it_works_by_keyboard_alone(visit):
    """From the box to the result and along the timeline without a mouse."""
    page = visit(consent=False)
    page.focus("#emo-consent input")
    page.keyboard.press("Space")
    page.wait_for_selector("#emo-analyse", state="visible")
    upload(page, clip_named("one_person"))
    page.focus("#emo-analyse")
    page.keyboard.press("Enter")
    page.wait_for_selector(CELLS)
    page.focus(CELLS)
    page.keyboard.press("ArrowRight")
    focused = "document.activeElement.getAttribute('data-seek')"
    second = page.locator(CELLS).nth(1).get_attribute("data-seek")
    assert page.evaluate(focused) == second
    page.keyboard.press("Enter")
    page.wait_for_selector("#emo-result video")
    page.wait_for_function("document.querySelector('#emo-timeline [role=status]').textContent.length > 0")


def test_pictures_have_descriptions(visit):
    """For those who hear the page."""
    page = visit()
    choose(page, clip_named("one_person"))
    page.wait_for_selector("#emo-frames img")
    assert page.evaluate("[...document.querySelectorAll('#emo-frames img')].every((one) => one.alt.length > 0)")
    assert page.evaluate(
        "[...document.querySelectorAll('#emo-timeline button')].every((one) => one.ariaLabel.length > 0)"
    )


def test_a_closed_page_leaves_nothing_on_the_server(visit, page_address):
    """Files go with the tab, not half an hour later."""
    page = visit()
    choose(page, clip_named("one_person"))
    studio = page_address[1]
    assert len(studio.book) >= 1
    before = len(studio.book)
    page.close()
    for _ in range(100):
        if len(studio.book) < before:
            break
        import time

        time.sleep(0.3)
    assert len(studio.book) < before
