# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser, as a visitor uses it. Pictures are written to the folder of EMOCLIP_SCREENSHOTS, if it is set."""

import json
import re

import pandas as pd
import pytest
from PIL import Image

from emoclip.demo import wording
from modeling_emoclip.video_decoding_emoclip import decode_video, probe_video
from tests.demo.browsing import CELLS, choose, clip_named, picture, take, upload, wait_for


pytestmark = pytest.mark.slow

# What the browser says of requests that end with their page.
CLOSED_EARLY = ("abort", "errored out")
# Bytes; a recording without a picture has fewer.
HEADER = 1000
# The browser asks for a part of a recording that has none.
NOTHING_RECORDED = "416 (Requested Range Not Satisfiable)"


def test_consent_comes_first(visit):
    """Neither a file nor the camera can be reached before."""
    page = visit(consent=False)
    assert "apparent expression" in page.inner_text("#notice")
    assert not page.is_visible("#emo-analyse")
    assert page.locator("input[type=file]:visible").count() == 0
    picture(page, "consent")
    page.check("#emo-consent input")
    page.wait_for_selector("#emo-analyse", state="visible")
    choose(page, clip_named("one_person"))
    page.uncheck("#emo-consent input")
    page.wait_for_selector("#emo-analyse", state="hidden")
    # Who takes it back takes the file and the result back as well.
    page.check("#emo-consent input")
    page.wait_for_selector("#emo-analyse", state="visible")
    page.wait_for_selector("#emo-player input[type=file]", state="attached")
    assert page.locator("#emo-player video, #emo-result video").count() == 0
    page.wait_for_selector("#emo-results", state="hidden")
    assert wording.WAITING in page.inner_text("#emo-ranking")


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
    # The tables come a moment after the numbers.
    for kind in wording.DOWNLOADS:
        page.wait_for_selector(f"#emo-{kind}:not([disabled])")
    picture(page, "analyse")
    table = pd.read_csv(take(page, "#emo-csv", tmp_path / "taken.csv"))
    assert set(table["person"]) == {1, 2}
    assert set(table["emotion"]) == {*wording.DEFAULT_WORDS.split("\n"), "none of these"}
    whole = json.loads(take(page, "#emo-json", tmp_path / "taken.json").read_text())
    assert len(whole["timeline"]) == len(table)
    assert any("not what anyone feels" in note for note in whole["notes"])
    with Image.open(take(page, "#emo-plot", tmp_path / "taken.png")) as plot:
        plot.load()
        assert plot.format == "PNG"
        assert min(plot.size) > 200
    take(page, "#emo-film", tmp_path / "taken.mp4")
    assert probe_video(tmp_path / "taken.mp4").duration == pytest.approx(5.1, abs=0.3)


def test_other_words_are_scored_as_they_are_typed(visit):
    """Without another look at the video; markup is shown as text, half a list is no fault."""
    page = visit()
    choose(page, clip_named("one_person"))
    page.fill("#emo-words textarea", "quiet relief\n<b>awe</b>\nguilty")
    page.wait_for_function("document.querySelector('#emo-ranking').innerText.includes('quiet relief')")
    assert "<b>awe</b>" in page.inner_text("#emo-ranking")
    page.wait_for_function("document.querySelector('#emo-ranking .emo-warning')?.innerText.includes('crime')")
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


def test_what_a_compound_lacks_is_told(visit):
    """In a sentence on the page, not as a fault of the server."""
    page = visit()
    page.get_by_role("button", name=wording.COMPOUND).first.click()
    page.get_by_role("button", name=wording.COMPOUND_ADD).first.click()
    page.wait_for_selector("text=A compound needs at least 2 components, got 0.")


def recorded(page, book, seconds):
    """Record by the camera, and return the file on the server."""
    player = page.locator("#emo-player")
    player.get_by_role("button", name="Capture from camera").click()
    player.get_by_text("Click to Access Webcam").click()
    # The same button starts and stops.
    record = player.get_by_role("button", name=re.compile("recording"))
    record.click()
    player.get_by_text("Stop").wait_for()
    page.wait_for_timeout(1000 * seconds)
    before = webm_files(book)
    record.click()
    # The player shows what was recorded before the server has it.
    wait_for(lambda: webm_files(book) - before)
    return (webm_files(book) - before).pop()


def webm_files(book):
    """What visitors recorded."""
    return {path for one in list(book._visits.values()) for path in list(one.uploads) if path.suffix == ".webm"}


def test_the_camera_is_offered_and_records(visit, page_address):
    """A fake camera shows a pattern without a face: it is said, not scored."""
    book = page_address[1].book
    # On a busy computer the browser's recorder may begin so late that it has nothing; it then gets longer.
    for seconds in (2.5, 10, 40):
        page = visit(tolerated=(*CLOSED_EARLY, NOTHING_RECORDED))
        size = recorded(page, book, seconds).stat().st_size
        if size > HEADER:
            break
        page.close()
    assert size > HEADER, "nothing was recorded in 40 s"
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


def test_an_example_and_a_kept_list(visit):
    """One click loads an example, which is analysed as any file; a list that was kept is there after a reload."""
    page = visit()
    page.locator("#emo-tabs .gallery-item:visible, #emo-tabs .gallery button:visible").first.click()
    page.wait_for_selector("#emo-player video")
    page.click("#emo-analyse")
    page.wait_for_selector(CELLS)
    assert "Person 1" in page.inner_text("#emo-ranking")
    page.close()
    page = visit(tolerated=CLOSED_EARLY)
    page.get_by_label(wording.PRESET).first.click()
    page.get_by_role("option", name=re.compile("My own list")).click()
    page.wait_for_selector("text=No list is kept in this browser yet")
    page.fill("#emo-words textarea", "my word, another")
    page.get_by_role("button", name=wording.KEEP_LIST).first.click()
    page.wait_for_selector("text=Kept in this browser")
    page.wait_for_function("Object.keys(localStorage).some((key) => key.includes('emoclip-own-list'))")
    page.reload()
    page.wait_for_selector("#emo-consent input")
    page.check("#emo-consent input")
    preset = page.get_by_label(wording.PRESET).first
    preset.click()
    page.get_by_role("option", name=re.compile("My own list")).click()
    page.wait_for_function("document.querySelector('#emo-words textarea').value.includes('my word')")


def test_drawing_again_shows_the_new_words(visit, tmp_path):
    """The film of before must not come from the browser's memory."""
    page = visit()
    choose(page, clip_named("one_person"))
    source = "document.querySelector('#emo-result video').getAttribute('src')"
    page.wait_for_selector("#emo-result video")
    before = page.evaluate(source)
    page.fill("#emo-words textarea", "quiet relief\nawe")
    page.wait_for_function("document.querySelector('#emo-ranking').innerText.includes('quiet relief')")
    page.click("#emo-annotate")
    page.wait_for_function(f"document.querySelector('#emo-result video') && {source} !== {before!r}")


def test_what_waits_for_the_button_is_said(visit):
    """Other faces or another file change no number before it is pressed."""
    page = visit()
    choose(page, clip_named("one_person"))
    page.wait_for_selector("#emo-result video")
    page.wait_for_selector("#emo-stale", state="hidden")
    page.get_by_role("button", name=wording.OPTIONS).first.click()
    page.get_by_label("the largest one").first.check()
    page.wait_for_selector("#emo-stale", state="visible")
    page.click("#emo-analyse")
    page.wait_for_selector("#emo-stale", state="hidden")
    page.locator("#emo-player").get_by_label("Clear").click()
    upload(page, clip_named("two_persons"))
    page.wait_for_selector("#emo-stale", state="visible")


def test_a_picture_has_no_player_and_no_timeline(visit, tmp_path):
    """Where there is no time, nothing speaks of it."""
    frame = decode_video(clip_named("one_person"), indices=[20]).frames[0].permute(1, 2, 0).numpy()
    Image.fromarray(frame).save(tmp_path / "face.png")
    page = visit()
    page.get_by_role("tab", name=wording.PICTURE).first.click()
    page.set_input_files("#emo-picture input[type=file]", tmp_path / "face.png")
    page.wait_for_selector("#emo-picture img")
    page.click("#emo-analyse")
    page.wait_for_selector("#emo-ranking .emo-line")
    page.wait_for_selector("#emo-frames img")
    page.wait_for_selector("#emo-result", state="hidden")
    page.wait_for_selector("#emo-annotate", state="hidden")
    assert page.locator("#emo-results button[data-seek], #emo-ranking button[data-seek]").count() == 0
    picture(page, "still")


def test_faces_are_hidden_on_request(visit, tmp_path):
    """The film that is drawn anew hides them."""
    page = visit()
    choose(page, clip_named("one_person"))
    before = take(page, "#emo-film", tmp_path / "open.mp4").read_bytes()
    source = "document.querySelector('#emo-result video').getAttribute('src')"
    page.wait_for_selector("#emo-result video")
    shown = page.evaluate(source)
    page.check("#emo-blur input")
    page.click("#emo-annotate")
    page.wait_for_function(f"document.querySelector('#emo-result video') && {source} !== {shown!r}")
    assert take(page, "#emo-film", tmp_path / "hidden.mp4").read_bytes() != before


def test_all_of_43_words_can_be_seen(visit):
    """Twelve at once; how many are folded is said."""
    page = visit()
    page.get_by_label(wording.PRESET).first.click()
    page.get_by_role("option", name=re.compile("43 of MAFW")).click()
    page.wait_for_function("document.querySelector('#emo-words textarea').value.split('\\n').length === 43")
    choose(page, clip_named("one_person"))
    more = page.locator("#emo-timeline summary")
    assert more.inner_text() == "12 of 44 words, the best first; show the other 32"
    more.click()
    assert page.locator("#emo-timeline .emo-word:visible").count() == 44
