# SPDX-License-Identifier: Apache-2.0
"""The folder that is uploaded as a Hugging Face Space."""

import runpy
from pathlib import Path

import pytest
import yaml

from emoclip.demo import launch


SPACE = Path(__file__).parents[2] / "space"


def test_app_only_launches_the_demo(monkeypatch):
    """The page lives in the package; a second one here would drift from it."""
    calls = []
    # The test's own arguments are not the app's.
    monkeypatch.setattr("sys.argv", ["app.py"])
    monkeypatch.setattr(launch, "main", lambda argv: calls.append(argv) or 0)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(SPACE / "app.py"), run_name="__main__")
    assert stop.value.code == 0
    assert calls == [[]]


def test_header_names_what_a_space_needs():
    """A wrong key shows only after the upload, as a Space that does not start."""
    _, header, text = (SPACE / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    fields = yaml.safe_load(header)
    assert fields["sdk"] == "gradio"
    assert fields["sdk_version"].startswith("6.")
    assert (SPACE / fields["app_file"]).is_file()
    assert fields["license"] == "apache-2.0"
    # The Hub refuses a longer one.
    assert len(fields["short_description"]) <= 60
    assert "never what a person feels" in text


def test_requirements_name_the_package_with_its_demo():
    """The extra brings gradio and matplotlib."""
    lines = (SPACE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert "emoclip[demo]" in lines
