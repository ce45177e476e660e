# SPDX-License-Identifier: Apache-2.0
import threading

from emoclip.demo.sweeping import start_sweeping
from emoclip.demo.visits import VisitBook


class Counted(VisitBook):
    """Says that it was swept; the first round meets a broken disk."""

    def __init__(self, root):
        super().__init__(root)
        self.rounds, self.twice = 0, threading.Event()

    def sweep(self):
        self.rounds += 1
        if self.rounds == 1:
            raise OSError("the disk is full")
        self.twice.set()


def test_it_goes_round_by_itself_whatever_a_round_meets(tmp_path, caplog):
    """Nothing else deletes what a tab left that never said goodbye."""
    book = Counted(tmp_path)
    stopped = start_sweeping(book, interval=0.01)
    assert book.twice.wait(60)
    stopped.set()
    assert "could not be swept" in caplog.text


def test_it_ends_with_its_book(tmp_path):
    """A page that is closed must not keep a thread."""
    # One whose rounds meet no error: the log would keep the error, and the error the book.
    book = VisitBook(tmp_path)
    before = set(threading.enumerate())
    start_sweeping(book, interval=0.01)
    (thread,) = [one for one in threading.enumerate() if one.name == "emoclip-sweeping" and one not in before]
    del book
    thread.join(60)
    assert not thread.is_alive()
