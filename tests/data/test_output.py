# SPDX-License-Identifier: Apache-2.0
"""Outputs appear whole or not at all, and leave nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emoclip.data.output import check_new_file, check_writable, is_temporary, replacing


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
