# SPDX-License-Identifier: Apache-2.0
import os
import threading
import time

import pytest

from emoclip.demo.visits import VisitBook


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def book(tmp_path, clock):
    return VisitBook(tmp_path, lifetime=100, grace=10, capacity=3, clock=clock)


def old_file(path):
    """A file that nobody wrote to for a quarter of an hour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - 900, time.time() - 900))
    return path


def test_visitors_have_their_own_things(book):
    """None gets another's."""
    assert book.visit("a") is book.visit("a")
    assert book.visit("a").folder != book.visit("b").folder


def test_a_visit_goes_with_its_files(book, tmp_path):
    """The page promises it."""
    upload = old_file(tmp_path / "hash/film.mp4")
    visit = book.visit("a")
    (visit.folder / "result.csv").touch()
    book.keep_upload("a", upload)
    book.forget("a")
    assert not visit.folder.exists()
    assert not upload.exists()
    book.forget("a")


def test_a_file_that_another_visitor_sent_too_stays(book, tmp_path):
    """The server keeps equal files once."""
    upload = old_file(tmp_path / "film.mp4")
    for session in ("a", "b"):
        book.keep_upload(session, upload)
    book.forget("a")
    assert upload.exists()
    book.forget("b")
    assert not upload.exists()


def test_files_outside_are_never_deleted(book, tmp_path_factory):
    """The packaged examples are nobody's upload."""
    example = tmp_path_factory.mktemp("examples") / "one.mp4"
    example.touch()
    book.keep_upload("a", example)
    book.forget("a")
    assert example.exists()


def test_an_example_that_was_sent_stays(tmp_path):
    """The server keeps equal files once; the strip of examples would lose its picture for everybody."""
    example, upload = tmp_path / "package.mp4", tmp_path / "root/hash/sent.mp4"
    upload.parent.mkdir(parents=True)
    for path in (example, upload):
        path.write_bytes(b"rendered")
    book = VisitBook(tmp_path / "root", examples=[example])
    book.keep_upload("a", upload)
    book.forget("a")
    assert upload.exists()


def test_unused_visits_are_forgotten(book, clock):
    """Closed tabs do not always say so."""
    old = book.visit("old").folder
    clock.now = 60
    book.visit("new")
    clock.now = 101
    book.forget_old()
    assert not old.exists()
    assert len(book) == 1


def test_of_too_many_the_one_unused_for_longest_goes(book, clock):
    """Memory stays bounded, whoever comes."""
    folders = []
    for name in "abcd":
        clock.now += 1
        folders.append(book.visit(name).folder)
    assert [folder.exists() for folder in folders] == [False, True, True, True]


def test_one_request_of_a_visitor_at_a_time(book):
    """Two uploads at once would mix their results."""
    with book.working("a"), pytest.raises(ValueError, match="still running"), book.working("a"):
        pass
    with book.working("a"):
        pass


def test_a_tab_that_is_closed_midway_leaves_nothing(book):
    """The analysis ends after the visit."""
    with book.working("a") as visit:
        book.forget("a")
        assert visit.folder.exists()
        (visit.folder / "late.csv").touch()
    assert not visit.folder.exists()
    assert len(book) == 0


def test_files_that_no_visit_uses_are_swept(book, tmp_path):
    """Copies that the server made, and uploads of visitors who went before they pressed a button."""
    stray, fresh = old_file(tmp_path / "hash/copy.webp"), tmp_path / "hash2/arriving.mp4"
    fresh.parent.mkdir()
    fresh.touch()
    upload = old_file(tmp_path / "hash3/film.mp4")
    book.keep_upload("a", upload)
    result = old_file(book.visit("a").folder / "film/expression.mp4")
    book.sweep()
    assert not stray.parent.exists()
    assert fresh.exists()
    assert upload.exists()
    assert result.exists()


def test_uploads_that_were_broken_off_are_swept(book, tmp_path):
    """The server writes what arrives beside the folders; a running upload is young, the page's own files stay."""
    own = old_file(tmp_path / "own.css")
    book.keep_for_good()
    broken, running = old_file(tmp_path / "tmpabc123"), tmp_path / "tmpdef456"
    running.touch()
    book.sweep()
    assert not broken.exists()
    assert running.exists()
    assert own.exists()


def test_sweeping_before_the_first_visitor_does_nothing(tmp_path):
    """The folder is made by the first visit."""
    VisitBook(tmp_path / "not yet").sweep()
    assert not (tmp_path / "not yet").exists()


def test_a_file_that_just_came_stays_for_who_sent_it_too(book, tmp_path):
    """Equal files are one: the first visitor's leaving must not take what the second has just handed over."""
    upload = tmp_path / "hash/film.mp4"
    upload.parent.mkdir()
    upload.touch()
    book.keep_upload("a", upload)
    book.forget("a")
    assert upload.exists()
    book.keep_upload("b", upload)
    os.utime(upload, (time.time() - 11, time.time() - 11))
    book.sweep()
    assert upload.exists()
    book.forget("b")
    assert not upload.exists()


def test_a_file_that_was_let_go_is_swept_soon(book, tmp_path):
    """A minute after, not ten."""
    released, waiting = tmp_path / "hash/film.mp4", tmp_path / "hash2/other.mp4"
    for path in (released, waiting):
        path.parent.mkdir()
        path.touch()
    book.keep_upload("a", released)
    book.forget("a")
    for path in (released, waiting):
        os.utime(path, (time.time() - 11, time.time() - 11))
    book.sweep()
    assert not released.exists()
    assert waiting.exists()


def test_files_of_the_page_itself_stay(book, tmp_path):
    """The strip of examples is everybody's."""
    example = old_file(tmp_path / "hash/one_person.mp4")
    book.keep_for_good()
    book.keep_upload("a", example)
    book.forget("a")
    book.sweep()
    assert example.exists()


def test_a_visit_that_works_is_not_swept(book, tmp_path):
    """Also if its tab was closed meanwhile."""
    with book.working("a") as visit:
        result = old_file(visit.folder / "half.mp4")
        book.forget("a")
        book.sweep()
        assert result.exists()
    assert not visit.folder.exists()


def test_what_a_late_request_makes_goes_soon(book, clock):
    """A request that waited in the queue may begin after its tab was closed."""
    book.visit("a")
    book.leave("a")
    late = book.visit("a").folder
    other = book.visit("b").folder
    clock.now = 11
    book.sweep()
    assert not late.exists()
    assert other.exists()


def test_a_file_that_is_not_needed_again_goes_at_once(book, tmp_path):
    """Programs' files are analysed once."""
    upload = old_file(tmp_path / "hash/film.mp4")
    book.keep_upload("a", upload)
    book.keep_upload("b", upload)
    book.drop_upload("a", upload)
    assert upload.exists()
    book.drop_upload("b", upload)
    assert not upload.exists()
    assert book.find("a") is not None


def test_looking_for_a_visit_makes_none(book):
    """Typing after half an hour must not begin an empty visit."""
    assert book.find("a") is None
    assert len(book) == 0


def test_threads_share_it(book):
    """Handlers run in threads."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(book.visit("same").folder)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
