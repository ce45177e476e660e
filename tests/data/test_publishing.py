# SPDX-License-Identifier: Apache-2.0
"""Laying out what is pushed; the push itself is tested in tests/hub against a Hub on this computer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.cli import main
from emoclip.data.publishing import plan_push, stage
from emoclip.data.uploads import Upload


def test_files_are_named_not_copied(tmp_path: Path) -> None:
    """A terabyte would be copied before the first byte is sent; a relative path would lead nowhere from the temporary folder."""
    (tmp_path / "a.mp4").write_bytes(b"video")
    stage([Upload("video/train/b.mp4", tmp_path / "a.mp4"), Upload("README.md", b"card")], tmp_path / "staged")
    assert (tmp_path / "staged" / "video" / "train" / "b.mp4").samefile(tmp_path / "a.mp4")
    assert (tmp_path / "staged" / "README.md").read_bytes() == b"card"


def test_hard_links_where_symbolic_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows gives the right to symbolic links to few."""

    def refuse(*_: object) -> None:
        raise OSError("A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    (tmp_path / "a.mp4").write_bytes(b"video")
    stage([Upload("b.mp4", tmp_path / "a.mp4")], tmp_path / "staged")
    assert (tmp_path / "staged" / "b.mp4").samefile(tmp_path / "a.mp4")


def test_an_empty_manifest_is_refused(make_manifest: Callable) -> None:
    """An empty repository under the name of a data set."""
    with pytest.raises(ValueError, match="must have clips to be published"):
        plan_push(make_manifest(kinds=()), "me/x")


def test_the_command_lists_what_would_go(make_manifest: Callable, capsys: pytest.CaptureFixture) -> None:
    """Nobody should have to find out from the published repository."""
    path = str(make_manifest(kinds=("image",)))
    assert main(["data", "push", "--manifest", path, "--repo", "me/x", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("RAVDESS, media under cc-by-nc-sa-4.0: CC BY-NC-SA 4.0 lets it be passed on")
    assert [line.split()[-1] for line in lines[1:5]] == [
        *("README.md", "manifest.parquet", "image/train/i.png", "image/train/metadata.parquet")
    ]
    assert lines[-1] == "Nothing was sent."
