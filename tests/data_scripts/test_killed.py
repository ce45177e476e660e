# SPDX-License-Identifier: Apache-2.0
"""Every script killed in the middle, at the worst moment: just before an output gets its name. Then the same command again."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from emoclip.data.cli import main
from emoclip.data.manifest import write_manifest


SCRIPTS = Path(__file__).parents[2] / "data_scripts"
# Kills itself, as the system does when memory runs out, in the place of the n-th renaming.
KILLED = """
import os, pathlib, runpy, signal, sys
from emoclip.data import media_check
from emoclip.data.faces import crop_set
media_check.CHUNK = crop_set.CHUNK = 1
left = int(sys.argv.pop(1))
def patch(name):
    real = getattr(pathlib.Path, name)
    def rename(self, target):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, target)
    setattr(pathlib.Path, name, rename)
patch("replace"), patch("rename")
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Nine clips of three frames with a box of a face, the same for every run; each fills a shard of a megabyte."""
    noise = np.random.default_rng(0)
    rows = []
    for number in range(9):
        folder = tmp_path / "media" / f"{number}"
        folder.mkdir(parents=True)
        for frame in range(3):
            picture = noise.integers(0, 256, (290, 310, 3), dtype=np.uint8)
            Image.fromarray(picture).save(folder / f"{frame}.png", compress_level=1)
        path = f"media/{number}"
        row = {"clip_id": f"c{number}", "path": path, "media": "frames", "split": "train", "label": 0}
        rows.append({**row, "boxes": [[4.0, 4.0, 20.0, 20.0]] * 3})
    write_manifest(tmp_path / "m.parquet", rows, class_names=["x"], dataset="d", licence="l", source="s")
    return tmp_path / "m.parquet"


def prepared(manifest: Path) -> list[str]:
    """Of stills inside a table, which are unpacked one by one."""
    from datasets import Dataset, Features, Image, Value

    files = sorted(manifest.parent.glob("media/*/0.png"))
    rows = [{"image": {"bytes": file.read_bytes(), "path": None}, "label": "calm"} for file in files]
    folder = manifest.parent / "table"
    folder.mkdir()
    Dataset.from_list(rows, Features({"image": Image(), "label": Value("string")})).to_parquet(folder / "t.parquet")
    return ["--dataset", "hub", "--root", str(folder)]


# Script, its command in `emoclip data`, its arguments, what its output is called, at which renaming it dies.
RUNS: list[tuple[str, str, Callable[[Path], list[str]], str, int]] = [
    ("prepare", "prepare", prepared, "p.parquet", 5),
    ("check_media", "check-media", lambda path: ["--manifest", str(path)], "checked.parquet", 4),
    ("shard", "shard", lambda path: ["--manifest", str(path), "--shard-size", "1"], "shards", 4),
    ("crop_faces", "crop-faces", lambda path: ["--manifest", str(path), "--detector", "boxes"], "crops", 8),
]


@pytest.mark.slow
@pytest.mark.parametrize(("script", "command", "arguments", "name", "dies_at"), RUNS)
def test_killed_script_leaves_no_half_output_and_goes_on(
    script: str,
    command: str,
    arguments: Callable[[Path], list[str]],
    name: str,
    dies_at: int,
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A night's work must survive the night, and half a table must not pass for a whole one."""
    given = arguments(manifest)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    assert main([command, *given, "--output", str(tmp_path / "whole" / name)]) == 0
    output = tmp_path / "killed" / name
    line = [
        sys.executable,
        "-P",
        "-c",
        KILLED,
        str(dies_at),
        str(SCRIPTS / f"{script}.py"),
        *given,
        "--output",
        str(output),
    ]
    environment = {**os.environ, "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    killed = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    assert killed.returncode == -9, killed.stderr
    assert (
        not output.is_file() and not (output / "manifest.parquet").exists() and not (output / "shards.json").exists()
    )
    done = {path: path.stat().st_mtime_ns for path in files(tmp_path / "killed")}
    assert done
    assert main([command, *given, "--output", str(output)]) == 0
    whole, resumed = (files(tmp_path / side) for side in ("whole", "killed"))
    contents = [
        {path.relative_to(tmp_path / side).as_posix(): content(path) for path in paths}
        for side, paths in (("whole", whole), ("killed", resumed))
    ]
    assert contents[0].keys() == contents[1].keys()
    # Nothing half is left, and what was finished was not made again.
    assert not [path for path in resumed if path.suffix == ".tmp"]
    kept = [path for path in done if path in resumed and not path.name.startswith(".")]
    assert kept or script == "check_media"
    assert all(path.stat().st_mtime_ns == done[path] for path in kept)
    for place, value in contents[0].items():
        assert contents[1][place] == value, place


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def content(path: Path) -> Any:
    return pq.read_table(path).to_pylist() if path.suffix == ".parquet" else path.read_bytes()
