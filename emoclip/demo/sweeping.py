# SPDX-License-Identifier: Apache-2.0
"""A thread that goes round and deletes what no visitor uses any more, so that nothing depends on a tab saying goodbye."""

from __future__ import annotations

import logging
import threading
import weakref

from .visits import VisitBook


# Seconds between two rounds.
INTERVAL = 20.0
logger = logging.getLogger(__name__)


def start_sweeping(book: VisitBook, interval: float = INTERVAL) -> threading.Event:
    """Sweep a book every so many seconds until the event that is returned is set, or the book is gone.

    Args:
        book: Of all visits.
        interval: Seconds between two rounds.
    """
    stopped = threading.Event()
    thread = threading.Thread(
        target=_go_round, args=(weakref.ref(book), interval, stopped), daemon=True, name="emoclip-sweeping"
    )
    thread.start()
    return stopped


def _go_round(reference: weakref.ref[VisitBook], interval: float, stopped: threading.Event) -> None:
    while not stopped.wait(interval):
        book = reference()
        if book is None:
            return
        try:
            book.sweep()
        except OSError:
            # A full or broken disk: the next round tries again, and the server's log tells it.
            logger.exception("The folder of visits could not be swept.")
        del book


__all__ = ["INTERVAL", "start_sweeping"]
