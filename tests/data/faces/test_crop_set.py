# SPDX-License-Identifier: Apache-2.0
"""A whole manifest: in parallel, stopped, gone on with."""

import subprocess
import sys
from pathlib import Path

import pytest

from emoclip.data.faces import crop_set
from emoclip.data.faces.crop_set import crop_faces
from emoclip.data.faces.crop_settings import CropSettings
from emoclip.data.manifest import read_manifest


pytest.importorskip("cv2")
SETTINGS = CropSettings(size=16, every=2, smooth=3)
LONG = "情" * 70 + "/" + "ü" * 120


@pytest.fixture
def manifest(make_frames, make_manifest) -> Path:
    """Four clips of one square, of two squares, of none, and one that is not there."""
    for name, corners in (("one", [(9, 9)]), ("two", [(4, 9), (30, 9)]), ("none", [])):
        make_frames(name, [corners] * 5)
    rows = [("a?", "one"), ("gone", "gone"), (LONG, "two"), ("none", "none"), ("z", "one")]
    return make_manifest([{"clip_id": clip, "path": path} for clip, path in rows])


def test_good_clips_are_cropped_and_bad_ones_listed(manifest: Path, tmp_path: Path, detector) -> None:
    """Whatever the clips and their names, the set can be read, and every loss is accounted for."""
    made = crop_faces(manifest, tmp_path / "out", SETTINGS, detector=detector)
    assert (made.num_clips, made.num_crops, made.num_no_face, made.num_failed, made.num_several) == (5, 3, 1, 1, 1)
    assert made.first_errors[0].startswith("row 1, gone (gone): ")
    table = read_manifest(made.manifest).table
    assert table["clip_id"].to_pylist() == ["a?", LONG, "z"]
    assert table["num_frames"].to_pylist() == [5, 5, 5]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "crops", "failures.csv", "manifest.parquet", "settings.json", "several_faces.csv",
    ]  # fmt: skip
    assert not list((tmp_path / "out").rglob(".*"))
    with pytest.raises(FileExistsError, match="must not be finished yet"):
        crop_faces(manifest, tmp_path / "out", SETTINGS, detector=detector)


def test_worker_processes_make_the_same_set(make_frames, make_manifest, tmp_path: Path) -> None:
    """Results that come in any order must end in the rows of their clips."""
    make_frames("one", [[(9, 9)]] * 5)
    rows = [{"clip_id": f"c{side}", "path": "one", "boxes": [[2, 2, 2 + side, 9]]} for side in range(3, 20)]
    source = make_manifest([*rows, {"clip_id": "none", "path": "one"}])
    sets = []
    for workers in (1, 2):
        made = crop_faces(source, tmp_path / f"out{workers}", SETTINGS, detector="boxes", workers=workers)
        assert (made.num_crops, made.num_failed) == (17, 1)
        sets.append(read_manifest(made.manifest).table)
    assert sets[0].equals(sets[1]) and sets[0]["clip_id"].to_pylist() == [row["clip_id"] for row in rows]
    assert sets[0]["source_boxes"].to_pylist()[4] == [[2, 2, 9, 9]] * 5
    assert sets[0]["boxes"].to_pylist()[4] == [[3, 3, 13, 13]] * 5  # 7 pixels of 11.2, in a crop of 16


def test_a_stopped_run_goes_on(manifest: Path, tmp_path: Path, detector, monkeypatch) -> None:
    """Cropping a large set takes nights."""
    cropped: list[str] = []
    crop = crop_set.crop_clip

    def stop_at_none(job, *arguments, **options):
        if job.clip_id == "none" and len(cropped) == 3:
            raise KeyboardInterrupt
        cropped.append(job.clip_id)
        return crop(job, *arguments, **options)

    monkeypatch.setattr(crop_set, "crop_clip", stop_at_none)
    with pytest.raises(KeyboardInterrupt):
        crop_faces(manifest, tmp_path / "out", SETTINGS, detector=detector)
    assert not (tmp_path / "out/manifest.parquet").exists()
    with pytest.raises(FileExistsError, match="begun with margin"):
        crop_faces(manifest, tmp_path / "out", CropSettings(size=16, every=2, smooth=3, margin=0.1), detector=detector)
    monkeypatch.setattr(
        crop_set, "crop_clip", lambda job, *a, **o: (cropped.append(job.clip_id), crop(job, *a, **o))[1]
    )
    totals = []
    made = crop_faces(
        manifest,
        tmp_path / "out",
        SETTINGS,
        detector=detector,
        progress=lambda results, total: (totals.append(total), results)[1],
    )
    assert cropped == ["a?", "gone", LONG, "none", "z"] and totals == [2]
    assert made.num_crops == 3


# Crops in the manner of a codec that crashes at one clip; worker processes run these lines too.
CRASHING = """
import os, signal, sys
from emoclip.data.faces import crop_set
real = crop_set.crop_clip

def crop_clip(job, *arguments, **options):
    if job.clip_id == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return real(job, *arguments, **options)

crop_set.crop_clip = crop_clip
if __name__ == "__main__":
    made = crop_set.crop_faces(sys.argv[1], sys.argv[2], detector="boxes")
    print(made.num_crops, made.first_errors)
"""


def test_one_worker_dies_once_of_a_clip_that_kills_it(make_frames, make_manifest, tmp_path: Path) -> None:
    """Every run would end at the same clip, and nothing behind it ever be cropped."""
    make_frames("one", [[(9, 9)]] * 3)
    source = make_manifest([{"clip_id": name, "path": "one", "boxes": [[2, 2, 9, 9]]} for name in "abc"])
    (tmp_path / "crashing.py").write_text(CRASHING)
    command = [sys.executable, "-P", str(tmp_path / "crashing.py"), str(source), str(tmp_path / "out")]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2))
    assert first.returncode == -9
    assert second.returncode == 0, second.stderr
    assert second.stdout.startswith("2 ['row 1, b (one): the worker process died")
    assert not (tmp_path / "out" / "journal").exists()


def test_what_cannot_work_is_refused_before_anything_is_written(
    manifest: Path, make_manifest, tmp_path: Path, detector, monkeypatch
) -> None:
    """Each of these would otherwise fail once for every clip, or at the end."""
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="`--workers` must be at least 1"):
        crop_faces(manifest, out, workers=0)
    with pytest.raises(ValueError, match=r"may look like a track of another one, got 'a#1'"):
        ids = [{"clip_id": "a", "path": "one"}, {"clip_id": "a#1", "path": "one"}]
        crop_faces(make_manifest(ids), out, CropSettings(select="all"), detector=detector)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"pip install 'emoclip\[data\]'"):
        crop_faces(manifest, out, detector="boxes")
    assert not out.exists()
