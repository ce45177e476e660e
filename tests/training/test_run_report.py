# SPDX-License-Identifier: Apache-2.0
"""The page on a finished run says which weights it handed out and how they came about."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.console import run_command
from emoclip.training.cli import main


PNG = b"\x89PNG\r\n\x1a\n"


def test_report_tells_of_a_selection_on_test(write_run: Callable[..., Path], capsys) -> None:
    """Figures on clips that chose the weights, passed on without that, are taken for a test."""
    config = write_run(
        epochs=3,
        log_every=1,
        selection="validation",
        validation={"split": "test", "prompt_set": "synthetic_descriptions", "allow_test": True},
    )
    assert run_command(main, ["--config", str(config)]) == 0
    assert "the report is" in capsys.readouterr().out
    folder = config.parent / "run"
    page = (folder / "report.md").read_text()
    assert "selected on the test split" in page
    assert "with the best uar on the split `test`" in page
    for part in ("| loss |", "| validation_uar |", "| data, sha256 |", "| versions |", "```bash"):
        assert part in page
    assert (folder / "curves.png").read_bytes().startswith(PNG)


def test_report_of_last_weights(write_run: Callable[..., Path]) -> None:
    """Nothing is said of a test where none chose."""
    config = write_run(max_steps=3)
    assert run_command(main, ["--config", str(config)]) == 0
    page = (config.parent / "run" / "report.md").read_text()
    assert "Its weights are the last ones." in page
    assert "test split" not in page


def test_report_without_matplotlib_says_so(write_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A night of training must not end in an error for want of a picture."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    config = write_run(max_steps=1)
    assert run_command(main, ["--config", str(config)]) == 0
    page = (config.parent / "run" / "report.md").read_text()
    assert "No curves: `matplotlib` is not installed; run: pip install 'emoclip[train]'" in page
    assert (config.parent / "run" / "run.json").exists()
