# SPDX-License-Identifier: Apache-2.0
"""Pieces come in order from threads, errors reach the reader, and nobody waits for ever."""

from collections.abc import Iterator

import pytest

from emoclip.features.prefetch import Prefetcher


def pieces(job: int) -> Iterator[tuple[int, int]]:
    """Twenty pieces, more than wait anywhere; job 3 breaks after two."""
    for number in range(20):
        if job == 3 and number == 2:
            raise ValueError("job 3 breaks")
        yield job, number


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_every_piece_comes_once_and_in_order(workers: int) -> None:
    """A piece of another clip would be a wrong embedding without an error."""
    read = [(job, list(stream)) for job, stream in Prefetcher(pieces, workers).run([5, 6, 7, 8])]
    assert read == [(job, [(job, number) for number in range(20)]) for job in (5, 6, 7, 8)]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_reader_that_gives_up_a_job_gets_the_next(workers: int) -> None:
    """A clip that the model refuses at its first piece must not stop the thread that decodes the others."""
    assert [next(stream) for _, stream in Prefetcher(pieces, workers).run(range(5, 12))] == [
        (j, 0) for j in range(5, 12)
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_error_is_raised_where_its_job_is_read(workers: int) -> None:
    """A broken clip is told under its own name, and the next ones go on."""
    outcomes = {}
    for job, stream in Prefetcher(pieces, workers).run([2, 3, 4]):
        try:
            outcomes[job] = len(list(stream))
        except ValueError as error:
            outcomes[job] = str(error)
    assert outcomes == {2: 20, 3: "job 3 breaks", 4: 20}


def test_leaving_early_ends_the_threads() -> None:
    """Ctrl-C in the middle of a long clip must not hang."""
    stream = Prefetcher(pieces, 2).run(range(5, 50))
    next(next(stream)[1])
    stream.close()
