# SPDX-License-Identifier: Apache-2.0
"""Outputs appear whole or not at all, and leave nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emoclip.data.output import check_new_file, check_writable, is_temporary, replacing, unwound_by_sigterm


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("alone", [False, True])
def test_output_appears_only_when_complete(alone: bool, tmp_path: Path) -> None:
    """A table that was cut short passes for a small one."""
    path = tmp_path / "a.csv"
    with pytest.raises(KeyboardInterrupt), replacing(path, alone=alone) as temporary:
        temporary.write_text("half")
        assert is_temporary(temporary) and not path.exists()
        raise KeyboardInterrupt
    assert names(tmp_path) == []
    with replacing(path, alone=alone) as temporary:
        temporary.write_text("whole")
    assert names(tmp_path) == ["a.csv"] and path.read_text() == "whole"


@pytest.mark.skipif(os.name == "nt", reason="processes cannot be asked for there")
def test_leftovers_of_killed_processes_go_and_those_of_running_ones_stay(tmp_path: Path) -> None:
    """After some kills a folder would be full of halves; another run of the same command must keep its own."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    running, other = f".a.csv.{os.getppid()}.tmp", f".b.csv.{gone.pid}.tmp"
    for name in (f".a.csv.{gone.pid}.tmp", running, other, ".a.csv.notes.tmp"):
        (tmp_path / name).touch()
    with replacing(tmp_path / "a.csv") as temporary:
        temporary.touch()
    assert names(tmp_path) == sorted(["a.csv", running, other, ".a.csv.notes.tmp"])


def test_outputs_that_cannot_be_written_are_refused_before_the_work(tmp_path: Path) -> None:
    """Hours later it is too late."""
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"must end in .parquet, got"):
        check_new_file(tmp_path / "a.csv", suffix=".parquet")
    with pytest.raises(FileExistsError, match="must not exist yet"):
        check_new_file(tmp_path / "file")
    check_new_file(tmp_path / "file", overwrite=True)
    with pytest.raises(FileExistsError, match=r"a part of .* is a file"):
        check_writable(tmp_path / "file" / "folder")
    with pytest.raises(PermissionError, match="can be written to"):
        check_writable(Path("/proc/emoclip"))
    assert names(tmp_path) == ["file"]


def test_sigterm_keeps_the_handler_that_is_there():
    """A training saves before it ends; a folder that is written meanwhile must not end it at once."""
    received = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        with unwound_by_sigterm():
            os.kill(os.getpid(), signal.SIGTERM)
        assert received == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_forked_child_dies_of_sigterm_as_before():
    """A worker that unwound the parent's block would delete the folder that the parent still fills."""
    code = (
        "import os, signal, time\n"
        "from emoclip.data.output import unwound_by_sigterm\n"
        "reader, writer = os.pipe()\n"
        "with unwound_by_sigterm():\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        try:\n"
        "            os.write(writer, b'x')\n"
        "            time.sleep(30)\n"
        "        finally:\n"
        "            os._exit(7)\n"
        "    os.read(reader, 1)\n"  # a signal during the fork itself would be lost
        "    os.kill(child, signal.SIGTERM)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    output = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(output) == -signal.SIGTERM
