# SPDX-License-Identifier: Apache-2.0
"""Jobs in processes, some of which die."""

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.data.worker_pool import WorkerPool


# Worker processes import what they run, which they cannot from the folder of tests.
WORK = """
import os

def work(job):
    if job == 3:
        os._exit(9)
    if job == 100:
        raise ValueError("disk full")
    return f"done {job}"

def setup(number):
    assert number == 7
"""


@pytest.fixture
def make_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], WorkerPool[int, str]]:
    (tmp_path / "jobs_of_a_test.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    jobs = importlib.import_module("jobs_of_a_test")
    return lambda: WorkerPool(
        jobs.work, workers=2, setup=jobs.setup, arguments=(7,), on_death=lambda job: f"died {job}"
    )


def test_the_job_that_kills_its_process_is_named_and_the_others_finish(make_pool) -> None:
    """One clip that crashes a codec must neither hang the run nor take its neighbours with it."""
    assert sorted(make_pool().run(range(6))) == sorted(["done 0", "done 1", "done 2", "died 3", "done 4", "done 5"])


def test_errors_end_the_run_and_jobs_are_taken_as_needed(make_pool) -> None:
    """A full disk concerns all clips; and a million waiting clips must not be held at once."""
    in_flight: list[int] = []
    results = 0

    def jobs():
        # The process that gets the bad job may start last, so that any number of others come before the error.
        for number, job in enumerate(range(100, 100_000), start=1):
            in_flight.append(number - results)
            yield job

    with pytest.raises(ValueError, match="disk full"):
        for _ in make_pool().run(jobs()):
            results += 1
    assert max(in_flight) == 4, "two for each process"


KILLED = """
import sys, time

def work(job):
    time.sleep(3600)

def setup():
    print("working", flush=True)

if __name__ == "__main__":
    from emoclip.data.worker_pool import WorkerPool
    list(WorkerPool(work, workers=2, setup=setup, arguments=(), on_death=str).run(range(4)))
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_the_first_process(tmp_path: Path, number) -> None:
    """Left-over workers would write into the folder that the next run works in; Ctrl-C must not wait for long clips."""
    (tmp_path / "killed.py").write_text(KILLED)
    command = [sys.executable, "-P", str(tmp_path / "killed.py")]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "start_new_session": True}
    with subprocess.Popen(command, **options) as process:
        assert [process.stdout.readline(), process.stdout.readline()] == [b"working\n"] * 2
        os.kill(process.pid, number)
    # A busy machine may take long, and a clip takes longer.
    deadline = time.monotonic() + 600
    while alive := _of_session(process.pid):
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)


def _of_session(session: int) -> list[int]:
    members = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
        except OSError:
            continue
        if fields and int(fields[3]) == session and fields[0] != "Z":
            members.append(int(entry.name))
    return members
