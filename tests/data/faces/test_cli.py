# SPDX-License-Identifier: Apache-2.0
"""The command."""

import subprocess
import sys
from pathlib import Path

import pytest

from emoclip.cli import main
from emoclip.data.manifest import read_manifest


@pytest.fixture
def manifest(make_frames, make_manifest) -> Path:
    make_frames("clip", [[(20, 9)]] * 6)
    rows = [{"clip_id": "a", "path": "clip", "boxes": [[20, 9, 32, 21]]}, {"clip_id": "b", "path": "clip"}]
    return make_manifest(rows)


def test_command_crops_and_says_what_was_left_out(manifest: Path, tmp_path: Path, capsys) -> None:
    """The numbers of a run must be on the screen: losses are otherwise found months later."""
    pytest.importorskip("cv2")
    command = ["data", "crop-faces", "--manifest", str(manifest), "--output", str(tmp_path / "out")]
    options = ["--detector", "boxes", "--size", "16", "--format", "video", "--margin", "0"]
    assert main([*command, *options]) == 0
    told = capsys.readouterr().out
    assert "row 1, b (clip): The detector boxes needs boxes" in told
    assert "2 clips, 1 crops; 0 clips without a face left out, 1 failed, 0 with several faces" in told
    made = read_manifest(tmp_path / "out/manifest.parquet")
    assert made.table["path"].to_pylist() == ["crops/a.mp4"] and len(made.table["sha256"][0].as_py()) == 64
    assert "detector boxes, margin 0 " in made.notes[-1]
    assert main([*command, *options]) == 2
    assert "must not be finished yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--manifest", "gone.parquet"], "No manifest at gone.parquet"),
        (["--margin", "9"], "`--margin` must be in [0, 2], got 9.0"),
        (["--detector", "yunet", "--detector-weights", "gone.onnx"], "must be a file, gone.onnx is none"),
        (["--output", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_bad_input_ends_with_one_sentence(manifest: Path, tmp_path: Path, capsys, options, message) -> None:
    """No traceback for what a user can repair; among it a folder that may not be written to."""
    pytest.importorskip("cv2")
    base = ["data", "crop-faces", "--manifest", str(manifest), "--output", str(tmp_path / "out")]
    assert main([*base, *options]) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error and error.count("\n") == 1


def test_help_does_not_import_opencv() -> None:
    """The base install has no OpenCV, and needs its other data commands."""
    code = "import sys, emoclip.data.cli; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
