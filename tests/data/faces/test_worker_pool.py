# SPDX-License-Identifier: Apache-2.0
"""Jobs in processes, some of which die."""

import os
import time

import pytest

from emoclip.data.faces.worker_pool import WorkerPool


def work(job: int) -> str:
    if job == 3:
        os._exit(9)
    if job == 100:
        raise ValueError("disk full")
    return f"done {job}"


def settle(seconds: float) -> None:
    time.sleep(seconds)


def make_pool() -> WorkerPool[int, str]:
    return WorkerPool(work, workers=2, setup=settle, arguments=(0.0,), on_death=lambda job: f"died {job}")


def test_the_job_that_kills_its_process_is_named_and_the_others_finish() -> None:
    """One clip that crashes a codec must neither hang the run nor take its neighbours with it."""
    assert sorted(make_pool().run(range(6))) == sorted(
        ["done 0", "done 1", "done 2", "died 3", "done 4", "done 5"]
    )


def test_errors_end_the_run_and_jobs_are_taken_as_needed() -> None:
    """A full disk concerns all clips; and a million waiting clips must not be held at once."""
    taken: list[int] = []

    def jobs():
        for job in range(100, 100_000):
            taken.append(job)
            yield job

    with pytest.raises(ValueError, match="disk full"):
        list(make_pool().run(jobs()))
    assert len(taken) <= 8
