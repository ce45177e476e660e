# SPDX-License-Identifier: Apache-2.0
"""Packaging of the embedded default, on a tiny stand-in of a run."""

import json
import shutil
from pathlib import Path

import pytest

from emoclip.export import embedded_default
from emoclip.export.embedded_default import package_default_model
from modeling_emoclip import EmoCLIPModel


@pytest.fixture
def run(tiny_model_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_model_folder, tmp_path / "run" / "model")
    record = {
        "command": "python train.py --config x.yaml",
        "commit": "abc123",
        "seed": 4,
        "steps": 77,
        "data_fingerprint": "f00d",
        "versions": {"torch": "2.13.0"},
    }
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    scores = {
        "uar": 0.7,
        "uar_interval": [0.65, 0.75],
        "war": 0.71,
        "macro_f1": 0.69,
        "num_classes": 11,
        "num_clips": 440,
    }
    (tmp_path / "report.json").write_text(json.dumps(scores))
    return tmp_path / "run"


def test_card_says_how_the_model_was_made_and_what_it_reaches(run: Path, tmp_path: Path) -> None:
    """Weights without command, seed and commit cannot be made again."""
    folder = package_default_model(run, tmp_path / "report.json", tmp_path / "out")
    card = (folder / "README.md").read_text(encoding="utf-8")
    for fact in ("seed 4", "commit `abc123`", "python train.py --config x.yaml", "UAR 0.700", "nothing of real faces"):
        assert fact in card
    assert EmoCLIPModel.from_pretrained(folder).config.projection_dim == 10


def test_a_model_that_is_too_large_is_refused(run: Path, tmp_path: Path, monkeypatch) -> None:
    """A checkpoint of CLIP's size would travel in every clone for ever."""
    monkeypatch.setattr(embedded_default, "SIZE_LIMIT", 1000)
    with pytest.raises(ValueError, match="at most 1,000 bytes"):
        package_default_model(run, tmp_path / "report.json", tmp_path / "out")
    assert not (tmp_path / "out").exists()
