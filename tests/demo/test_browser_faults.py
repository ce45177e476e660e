# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in the page: files that are none, a busy server, one that was started anew, tabs that are closed."""

import threading
from pathlib import Path

import av
import numpy as np
import pytest

from emoclip.demo import wording
from tests.demo.browsing import CELLS, PATIENCE, choose, clip_named, picture, type_words, upload, wait_for
from tests.demo.conftest import served


pytestmark = pytest.mark.slow


def write_sound(path):
    """A file that sounds and shows nothing."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_film(path):
    """Two hours in three frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for seconds in (0, 3600, 7200):
            frame = av.VideoFrame.from_ndarray(np.zeros((24, 32, 3), np.uint8), format="rgb24")
            frame.pts = seconds * 25
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_faults_are_told_in_the_page(visit, tmp_path):
    """Nothing chosen, a file that is no video, sound alone, and two hours."""
    page = visit()
    page.click("#emo-analyse")
    page.wait_for_selector("text=A video or a picture must be chosen first")
    (tmp_path / "text.mp4").write_text("this is no video")
    page.set_input_files("#emo-player input[type=file]", tmp_path / "text.mp4")
    page.wait_for_timeout(1500)
    page.click("#emo-analyse")
    page.wait_for_selector("text=must be a video or a picture")
    page.close()
    for name, write, told in (
        ("song.mp4", write_sound, "has only audio"),
        ("film.mp4", write_film, "at most 60 s long here, got 720"),
    ):
        page = visit()
        page.set_input_files("#emo-player input[type=file]", write(tmp_path / name))
        page.wait_for_selector("#emo-player input[type=file]", state="detached")
        page.click("#emo-analyse")
        page.wait_for_selector(f"text={told}")


def test_markup_in_words_and_file_names_is_shown(visit, tmp_path):
    """Nothing of it may run, wherever it is shown."""
    page = visit()
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    evil = "<img src=x onerror=alert(1)>"
    clip = tmp_path / f"{evil}.mp4"
    clip.write_bytes(Path(clip_named("one_person")).read_bytes())
    type_words(page, f"{evil}\n<script>alert(2)</script>")
    choose(page, clip)
    assert evil in page.inner_text("#emo-ranking")
    assert page.locator("img[src=x]").count() == 0
    (tmp_path / f"{evil}2.mp4").write_text("no video")
    page.get_by_role("tab", name="Compare").click()
    page.set_input_files("#emo-compare-player input[type=file]", tmp_path / f"{evil}2.mp4")
    page.wait_for_selector("#emo-compare-player input[type=file]", state="detached")
    page.click("#emo-compare")
    page.wait_for_selector("text=must be a video or a picture")
    assert page.locator("img[src=x]").count() == 0


def test_two_visitors_at_once_see_their_own(visit):
    """Both upload before either is done."""
    pages = [visit(), visit()]
    for number, page in enumerate(pages):
        type_words(page, f"word {number}\nother {number}")
        upload(page, clip_named(("one_person", "two_persons")[number]))
    for page in pages:
        page.click("#emo-analyse")
    for number, page in enumerate(pages):
        page.wait_for_selector(CELLS)
        shown = page.inner_text("#emo-ranking")
        assert f"word {number}" in shown
        assert f"word {1 - number}" not in shown
        assert ("Person 2" in shown) == bool(number)


def held(studio, monkeypatch):
    """Keep every analysis waiting until the event is set."""
    go, begun, analyse = threading.Event(), threading.Event(), studio.look_at

    def wait(*arguments):
        begun.set()
        assert go.wait(PATIENCE / 1000)
        return analyse(*arguments)

    monkeypatch.setattr(studio, "look_at", wait)
    return go, begun


def test_who_comes_to_a_full_queue_is_told(visit_at, tmp_path, monkeypatch):
    """One works, one waits, the third is told that the page is busy; the others get their own answers."""
    with served(tmp_path, max_size=1) as (address, studio):
        go, begun = held(studio, monkeypatch)
        pages = [visit_at(address, tolerated=("503",)) for _ in range(3)]
        for number, page in enumerate(pages):
            type_words(page, f"word {number}\nother {number}")
            upload(page, clip_named("one_person"))
        try:
            pages[0].click("#emo-analyse")
            wait_for(begun.is_set)
            pages[1].click("#emo-analyse")
            pages[1].wait_for_selector("text=queue: 1/1")
            picture(pages[1], "waiting")
            pages[2].click("#emo-analyse")
            pages[2].wait_for_selector("text=/busy|queue is full/i")
            picture(pages[2], "busy")
            # Lists and what is told of them need no place in it.
            pages[2].get_by_role("button", name=wording.KEEP_LIST).first.click()
            pages[2].wait_for_selector("text=Kept in this browser")
            pages[2].get_by_label(wording.PRESET).first.click()
            pages[2].get_by_role("option", name="11 of MAFW").click()
            pages[2].wait_for_function("document.querySelector('#emo-words textarea').value.includes('contempt')")
            pages[2].wait_for_selector("text=Kept in this browser", state="hidden")
            type_words(pages[2], "word 2\nother 2")
        finally:
            go.set()
        for number, page in enumerate(pages[:2]):
            page.wait_for_selector(CELLS)
            assert f"word {number}" in page.inner_text("#emo-ranking")
        assert pages[2].locator(CELLS).count() == 0
        # And a moment later there is room.
        pages[2].click("#emo-analyse")
        pages[2].wait_for_selector(CELLS)
        assert "word 2" in pages[2].inner_text("#emo-ranking")
        for page in pages:
            page.close()


def left(studio):
    """Files in the server's folder that are not the page's own."""
    return [path for path in studio.book.root.rglob("*") if path.is_file() and not studio.book.owns(path)]


def test_a_tab_that_is_closed_midway_leaves_nothing(visit_at, tmp_path, monkeypatch):
    """The analysis ends after its visitor; neither the upload nor what was made of it stays."""
    with served(tmp_path) as (address, studio):
        studio.book.grace = 0
        go, begun = held(studio, monkeypatch)
        page = visit_at(address)
        upload(page, clip_named("two_persons"))
        page.click("#emo-analyse")
        wait_for(begun.is_set)
        assert left(studio) != [] or len(studio.book) == 1
        page.close()
        wait_for(lambda: len(studio.book) == 0)
        go.set()
        wait_for(lambda: not studio.book.sweep() and left(studio) == [])


def test_files_go_with_the_tab(visit_at, tmp_path):
    """Upload, tables, film and cut-out faces; what an open tab uses stays, and the examples too."""
    with served(tmp_path) as (address, studio):
        studio.book.grace = studio.book.waiting = 0
        staying, going = visit_at(address, tolerated=("abort", "errored out")), visit_at(address)
        clips = []
        for number, page in enumerate((staying, going)):
            clips.append(tmp_path / f"upload_{number}.mp4")
            # Not an example, whose file would be everybody's.
            clips[-1].write_bytes(Path(clip_named("one_person")).read_bytes() + bytes(number + 1))
            choose(page, clips[-1])
            clips[-1].unlink()
            page.wait_for_selector("#emo-csv:not([disabled])")
            page.wait_for_selector("#emo-frames img")
        going.close()
        wait_for(lambda: len(studio.book) == 1)
        studio.book.sweep()
        assert {path.name for path in left(studio) if path.name.startswith("upload")} == {"upload_0.mp4"}
        kinds = [path.suffix for path in left(studio)]
        assert sorted(set(kinds)) == [".csv", ".jpg", ".json", ".mp4", ".png"]
        # As by a tab that loads the page anew.
        staying.goto("about:blank")
        wait_for(lambda: not studio.book.sweep() and left(studio) == [])
        staying.goto(address)
        staying.check("#emo-consent input")
        staying.locator("#emo-tabs .gallery-item:visible, #emo-tabs .gallery button:visible").first.click()
        staying.wait_for_selector("#emo-player video")
        staying.click("#emo-analyse")
        staying.wait_for_selector(CELLS)
        staying.close()


def test_a_server_that_was_started_anew_is_noticed(visit_at, tmp_path):
    """File and results are gone with the server of before; the page works anew, once it is loaded again."""
    # A page that lost its server may complain of anything.
    broken = ("",)
    with served(tmp_path / "before") as (address, _):
        page = visit_at(address, tolerated=broken)
        choose(page, clip_named("one_person"))
    with served(tmp_path / "after", port=int(address.rstrip("/").rsplit(":", 1)[1])):
        # It does so by itself where it meets the new server in time; a visitor may be quicker.
        page.goto(address)
        page.wait_for_function("document.querySelector('#emo-consent input')?.checked === false")
        page.check("#emo-consent input")
        page.wait_for_selector("#emo-analyse", state="visible")
        choose(page, clip_named("one_person"))
        page.close()
