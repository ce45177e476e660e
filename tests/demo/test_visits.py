# SPDX-License-Identifier: Apache-2.0
import threading

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
    return VisitBook(tmp_path, lifetime=100, capacity=3, clock=clock)


def test_visitors_have_their_own_things(book):
    """None gets another's."""
    assert book.visit("a") is book.visit("a")
    assert book.visit("a").folder != book.visit("b").folder


def test_a_visit_goes_with_its_files(book, tmp_path):
    """The page promises it."""
    upload = tmp_path / "hash" / "film.mp4"
    upload.parent.mkdir()
    upload.touch()
    visit = book.visit("a")
    (visit.folder / "result.csv").touch()
    book.keep_upload("a", upload)
    book.forget("a")
    assert not visit.folder.exists()
    assert not upload.exists()
    book.forget("a")


def test_a_file_that_another_visitor_sent_too_stays(book, tmp_path):
    """The server keeps equal files once."""
    upload = tmp_path / "film.mp4"
    upload.touch()
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


def test_threads_share_it(book):
    """Handlers run in threads."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(book.visit("same").folder)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
