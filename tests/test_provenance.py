# SPDX-License-Identifier: Apache-2.0
import hashlib
import subprocess

import pytest

from emoclip.provenance import file_sha256, git_commit, package_versions


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one commit, independent of the user's settings."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    (tmp_path / "file.txt").write_text("one")
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)
    return tmp_path


def test_commit_of_a_clean_checkout(checkout):
    assert len(git_commit(checkout)) == 40


def test_changed_files_are_told(checkout):
    """A commit alone would promise that the result can be made again from it."""
    (checkout / "file.txt").write_text("two")
    assert git_commit(checkout).endswith("+changes")


def test_new_files_do_not_count_as_changes(checkout):
    """Every run leaves output behind."""
    (checkout / "output.txt").write_text("new")
    assert not git_commit(checkout).endswith("+changes")


def test_no_commit_outside_of_a_checkout(tmp_path):
    """An installed package lies in no checkout."""
    assert git_commit(tmp_path) is None


def test_no_commit_without_git(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit(tmp_path) is None


def test_versions_name_what_computes():
    assert {"python", "torch", "transformers"} <= set(package_versions())


def test_checksum(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"\x00abc")
    assert file_sha256(path) == hashlib.sha256(b"\x00abc").hexdigest()
