# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from pathlib import Path

from emoclip.data.manifest import read_manifest


SCRIPT = Path(__file__).parents[2] / "data_scripts" / "render_synthetic_faces.py"


def test_script_renders_with_worker_processes_from_any_folder(tmp_path):
    """The first command of the README; spawned workers must be able to import everything."""
    arguments = ["--output", "world", "--train-clips", "2", "--test-clips", "1", "--stills", "3", "--workers", "2"]
    result = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert read_manifest(tmp_path / "world" / "clips.parquet").table.num_rows == 3
    again = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert again.returncode == 2
    assert "Traceback" not in again.stderr


def test_script_is_thin():
    """Work in scripts cannot be imported or tested."""
    code = [line for line in SCRIPT.read_text().split('"""', 2)[2].splitlines() if line.strip()]
    assert len(code) <= 25
