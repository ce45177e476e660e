# SPDX-License-Identifier: Apache-2.0
"""Data sets pushed by the real client to a Hub on this computer, and opened from there by processes with an empty cache."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.data.manifest import read_manifest, write_manifest


NAMES = ["tense", "calm"]
# What `datasets.load_dataset` gives somebody who has never heard of us.
LOAD = """
import json, sys
import datasets
splits = datasets.load_dataset(sys.argv[1])
first = {name: rows.cast_column("video", datasets.Video(decode=False)) if "video" in rows.features else rows
         for name, rows in splits.items()}
out = {name: [{**row, "video": bool(row.get("video"))} for row in rows] for name, rows in first.items()}
print(json.dumps({"rows": out, "names": splits["train"].features["label"].names}))
"""


@pytest.fixture
def run(hub, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Returns a function that runs Python in another process with this Hub and a cache of its own."""

    def start(*arguments: object, token: bool = True) -> subprocess.CompletedProcess:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        environment |= {
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(tmp_path / "home"),
            # The other way of large files, for which this Hub has no store.
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": "1",
        }
        environment |= {"HF_TOKEN": "hf_local"} if token else {}
        command = [sys.executable, "-P", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return start


def told(result: subprocess.CompletedProcess) -> str:
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


@pytest.fixture
def make_manifest(tmp_path: Path, short_clip: Path) -> Callable[[str], Path]:
    """Returns a function that writes the manifest of three clips under the name of a data set."""

    def write(dataset: str) -> Path:
        folder = tmp_path / "copy" / "Actor_01"
        folder.mkdir(parents=True)
        rows = []
        for number, name in enumerate("abc"):
            (folder / f"{name}.mp4").write_bytes(short_clip.read_bytes())
            row = {"clip_id": name, "path": f"copy/Actor_01/{name}.mp4", "media": "video", "label": number % 2}
            rows.append(
                {**row, "captions": [f"text {name}"], "split": "test" if name == "c" else "train", "take": "x"}
            )
        path = tmp_path / "manifest.parquet"
        write_manifest(
            path, rows, class_names=NAMES, dataset=dataset, licence="l", source="s", notes=["Shared clips."]
        )
        return path

    return write


def push(*arguments: object) -> list[object]:
    return ["-m", "emoclip.cli", "data", "push", *arguments]


def test_permitted_media_go_and_come_back(hub, run: Callable, make_manifest: Callable, tmp_path: Path) -> None:
    """A data set that only this software opens, or that lost its classes on the way, is no data set."""
    manifest = make_manifest("ravdess/speech")
    printed = told(run(*push("--manifest", manifest, "--repo", "me/open", "--revision", "v1")))
    assert "Published:" in printed
    repository = hub.repositories["datasets/me/open"]
    assert repository.private and repository.branches == ["v1"]
    assert {name for name in repository.files if name.endswith(".mp4")} == {
        *("video/train/a.mp4", "video/train/b.mp4", "video/test/c.mp4")
    }
    assert b"license: cc-by-nc-sa-4.0" in repository.files["README.md"]
    content = json.loads(told(run("-c", LOAD, "me/open")).splitlines()[-1])
    assert content["names"] == NAMES
    assert [(row["clip_id"], row["label"], row["video"]) for row in content["rows"]["train"]] == [
        *(("a", 0, True), ("b", 1, True))
    ]
    prepare = ["-m", "emoclip.cli", "data", "prepare", "--dataset", "hub", "--root", "me/open", "--output"]
    told(run(*prepare, "new/back.parquet"))
    back = read_manifest(tmp_path / "new" / "back.parquet")
    assert back.class_names == NAMES and back.licence == "cc-by-nc-sa-4.0"
    # The commit, not a branch that moves on.
    assert back.source.endswith(f"me/open/tree/{repository.commits[-1]}")
    rows = {row["clip_id"]: row for row in back.table.to_pylist()}
    assert {name: (row["split"], row["label"], row["captions"]) for name, row in rows.items()} == {
        "a": ("train", 0, ["text a"]),
        "b": ("train", 1, ["text b"]),
        "c": ("test", 0, ["text c"]),
    }
    # Beside the manifest, not in a cache that somebody clears.
    assert rows["a"]["path"].startswith("back_media/train/")
    # A second run goes on where the first was, in a process of its own.
    before = (tmp_path / "new" / rows["a"]["path"]).stat()
    told(run(*prepare, "new/back.parquet", "--overwrite"))
    after = (tmp_path / "new" / rows["a"]["path"]).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_annotations_go_alone(hub, run: Callable, make_manifest: Callable) -> None:
    """Frames of a television series under our name, or its dialogue, were not ours to give."""
    told(run(*push("--manifest", make_manifest("meld/emotion"), "--repo", "me/labels", "--public")))
    repository = hub.repositories["datasets/me/labels"]
    assert set(repository.files) == {"README.md", "annotations/train.parquet", "annotations/test.parquet"}
    assert not repository.private
    assert b"Not included: the media" in repository.files["README.md"]
    content = json.loads(told(run("-c", LOAD, "me/labels")).splitlines()[-1])
    assert content["rows"]["test"] == [{"clip_id": "c", "media": "video", "label": 0, "video": False}]


def test_a_second_push_leaves_nothing_of_the_first(
    hub, run: Callable, make_manifest: Callable, tmp_path: Path
) -> None:
    """Old shards beside new ones would be loaded as one data set, every clip twice."""
    manifest = make_manifest("ravdess/speech")
    told(run(*push("--manifest", manifest, "--repo", "me/twice")))
    repository = hub.repositories["datasets/me/twice"]
    repository.files["data/train-00001-of-00002.parquet"] = b"old"
    repository.files["LICENSE.md"] = b"the owner's"
    told(run(*push("--manifest", manifest, "--repo", "me/twice")))
    assert "data/train-00001-of-00002.parquet" not in repository.files
    assert {"LICENSE.md", "video/train/a.mp4"} <= set(repository.files)


@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        ("mafw/single", [], "MAFW (mafw/single) has 'academic, not commercial, no redistribution'"),
        ("mafw/single", ["--own-media", "--licence", "cc-by-4.0"], "neither its media nor its annotations may go"),
        ("folder/classes", [], "pass --own-media"),
        ("unheard", [], "must be one of"),
        ("ravdess/speech", ["--dry-run"], None),
    ],
)
def test_refusals_and_dry_runs_ask_the_hub_nothing(
    hub, run: Callable, make_manifest: Callable, dataset: str, options: list[str], message: str | None
) -> None:
    """A file that was sent before the rule was looked up is published."""
    seen = list(hub.requests)
    result = run(*push("--manifest", make_manifest(dataset), "--repo", "me/gated", *options))
    assert hub.requests == seen
    assert "datasets/me/gated" not in hub.repositories
    if message is None:
        assert "video/train/a.mp4" in told(result) and "Nothing was sent." in result.stdout
    else:
        assert result.returncode == 2 and message in result.stderr


def test_without_a_token_one_is_told_how_to_get_one(hub, run: Callable, make_manifest: Callable) -> None:
    """A 401 after an hour of hashing says nothing."""
    seen = list(hub.requests)
    result = run(*push("--manifest", make_manifest("ravdess/speech"), "--repo", "me/x"), token=False)
    assert result.returncode == 2 and "hf auth login" in result.stderr
    assert hub.requests == seen


def test_a_public_repository_is_not_taken_for_a_private_one(hub, run: Callable, make_manifest: Callable) -> None:
    """The Hub leaves the visibility of an existing repository as it is, and says nothing."""
    manifest = make_manifest("ravdess/speech")
    told(run(*push("--manifest", manifest, "--repo", "me/seen", "--public")))
    commits = len(hub.repositories["datasets/me/seen"].commits)
    result = run(*push("--manifest", manifest, "--repo", "me/seen"))
    assert result.returncode == 2 and "me/seen exists and is public; pass --public" in result.stderr
    assert len(hub.repositories["datasets/me/seen"].commits) == commits
