# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from pathlib import Path

import pytest

import emoclip
from emoclip.metrics import load_module, module_path
from emoclip.metrics.loading import _hides_the_library


ROOT = Path(emoclip.__file__).parents[1]


def test_loads_where_a_script_of_the_library_s_name_comes_first():
    """`python -m emoclip.cli` started in the root finds evaluate.py, the script, before the library."""
    code = (
        "import sys; from emoclip.metrics import load_module; before = list(sys.path); "
        "print(load_module('uar').compute(references=[0, 1], predictions=[0, 0]), sys.path[:len(before)] == before)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    assert "{'uar': 0.5} True" in result.stdout, result.stderr


def test_every_module_folder_loads():
    """A folder that the library cannot load is found when somebody needs it."""
    folders = [path for path in Path(module_path("uar")).parent.glob("*/") if not path.name.startswith("_")]
    assert len(folders) == 9
    for folder in folders:
        assert load_module(folder.name).description


def test_unknown_module_is_refused():
    """The library would search the Hub for it."""
    with pytest.raises(
        ValueError, match=r"No `evaluate` module 'accuracy'; there are affect_regression, calibration_error, "
    ):
        module_path("accuracy")


def test_library_is_found_where_package_and_library_lie_side_by_side(tmp_path):
    """Installed from a wheel, this package's parent folder is site-packages, which holds the library itself."""
    (tmp_path / "evaluate").mkdir()
    (tmp_path / "evaluate" / "__init__.py").write_text("")
    assert not _hides_the_library(tmp_path)
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "evaluate.py").write_text("")
    assert _hides_the_library(tmp_path / "clone")
