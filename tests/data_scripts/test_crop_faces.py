# SPDX-License-Identifier: Apache-2.0
"""The script is the command under another name."""

import subprocess
import sys
from pathlib import Path


SCRIPT = Path(__file__).parents[2] / "data_scripts" / "crop_faces.py"


def test_script_runs_from_any_folder(tmp_path: Path) -> None:
    """Users copy the line from the documentation before they install anything."""
    result = subprocess.run(
        [sys.executable, str(SCRIPT), "--manifest", "gone.parquet", "--output", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2 and result.stderr.startswith("error: No manifest at gone.parquet"), result.stderr


def test_script_is_thin() -> None:
    """Work in scripts cannot be imported or tested."""
    code = [line for line in SCRIPT.read_text().split('"""', 2)[2].splitlines() if line.strip()]
    assert len(code) <= 25
