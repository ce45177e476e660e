# SPDX-License-Identifier: Apache-2.0
"""The script evaluate.py has the name of the `evaluate` library. From every entry point the library must be found."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import emoclip


ROOT = Path(emoclip.__file__).parents[1]
BIN = Path(sys.executable).parent

# Runs in every Python process that has its folder on PYTHONPATH. At the very end, when the entry point has set up
# `sys.path` and done its work, it notes what `import evaluate` would find. `--help` exits before; atexit still runs.
REPORTER = """
import atexit, importlib.util, os, sys

def note():
    if os.path.basename(sys.argv[0]) in ("evaluate.py", "train.py", "emoclip", "pytest"):
        importlib.invalidate_caches()
        with open(os.environ["NOTE"], "a") as file:
            file.write(importlib.util.find_spec("evaluate").origin + "\\n")

atexit.register(note)
"""

ACCELERATE_OPTIONS = [
    "--cpu",
    "--num_processes",
    "1",
    "--num_machines",
    "1",
    "--mixed_precision",
    "no",
    "--dynamo_backend",
    "no",
]
ENTRY_POINTS = {
    "python evaluate.py": [sys.executable, "evaluate.py", "--help"],
    "python train.py": [sys.executable, "train.py", "--help"],
    "accelerate launch train.py": [str(BIN / "accelerate"), "launch", *ACCELERATE_OPTIONS, "train.py", "--help"],
    "emoclip evaluate": [str(BIN / "emoclip"), "evaluate", "--help"],
    "pytest": [str(BIN / "pytest"), "--version"],
}


@pytest.mark.parametrize("command", ENTRY_POINTS.values(), ids=ENTRY_POINTS)
def test_evaluate_is_the_library(command, tmp_path):
    """A run of hours would end at the metrics with `module 'evaluate' has no attribute 'load'`."""
    (tmp_path / "sitecustomize.py").write_text(REPORTER)
    note = tmp_path / "note.txt"
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NOTE": str(note)}
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert note.exists(), result.stderr
    library = Path(sysconfig.get_path("purelib")) / "evaluate" / "__init__.py"
    assert {Path(line) for line in note.read_text().splitlines()} == {library}


def test_without_the_precaution_the_script_hides_the_library():
    """Shows that the test above can fail: any other script in the root finds evaluate.py, the script."""
    code = "import importlib.util; print(importlib.util.find_spec('evaluate').origin)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(ROOT / "evaluate.py")


@pytest.mark.parametrize("script", ["evaluate.py", "train.py"])
def test_importing_a_script_does_nothing(script):
    """Spawned worker processes import the main script again; `sys.path` must be theirs."""
    code = f"import runpy, sys; before = list(sys.path); runpy.run_path({script!r}); assert sys.path == before"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=300)
