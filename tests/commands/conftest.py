# SPDX-License-Identifier: Apache-2.0
"""A disk that is really full, for a process of its own."""

import os
import subprocess

import pytest


@pytest.fixture
def on_small_disk(tmp_path):
    """Returns a function that runs shell lines in a folder that is a disk of some size; skips where that is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def run(lines: str, *, size: str) -> subprocess.CompletedProcess:
        # A user's own namespace of mounts: nobody else sees the disk, and it goes with the process.
        mounted = f'mount -t tmpfs -o size={size} tmpfs "{folder}" && cd "{folder}" || exit 77; {lines}'
        command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted]
        environment = os.environ | {"TMPDIR": str(tmp_path), "MPLCONFIGDIR": str(tmp_path)}
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False, env=environment)
        except FileNotFoundError:
            pytest.skip("this system has no unshare")
        if result.returncode == 77 or "unshare failed" in result.stderr:
            pytest.skip(f"no disk of one's own here: {result.stderr.strip()}")
        return result

    return run
