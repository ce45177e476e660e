# SPDX-License-Identifier: Apache-2.0
"""Data sets pushed by the real client to a Hub on this computer, and opened from there by a process with an empty cache.

A process takes seconds to start, so that each runs several commands.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from emoclip.data.manifest import read_manifest, write_manifest
from emoclip.data.sharding import write_shards


NAMES = ["tense", "calm"]
# Runs commands one after the other; prints code, output and error of each. An empty command forgets the token.
RUN = """
import contextlib, io, json, os, sys
from emoclip.cli import main
results = []
for command in json.loads(sys.argv[1]):
    if not command:
        del os.environ["HF_TOKEN"]
        continue
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["data", *command])
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(results))
"""
# What `datasets.load_dataset` gives somebody who has never heard of us.
LOAD = """
import json, sys
import datasets
loaded = {}
for name in ("me/open", "me/labels"):
    splits = datasets.load_dataset(name)
    classes = splits["train"].features["label"].names
    if "video" in splits["train"].features:
        splits = splits.cast_column("video", datasets.Video(decode=False))
    rows = {split: [{**row, "video": bool(row.get("video"))} for row in rows] for split, rows in splits.items()}
    loaded[name] = {"names": classes, "rows": rows}
print(json.dumps(loaded))
"""


def run(script: str, address: str, folder: Path, commands: list[list[str]] | None = None) -> list | dict:
    """Run Python elsewhere with this Hub and an empty cache; return what it printed last."""
    folder.mkdir(exist_ok=True)
    environment = environment_of(address, folder)
    command = [sys.executable, "-P", "-c", script, json.dumps(commands)]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])


def environment_of(address: str, folder: Path) -> dict[str, str]:
    """Variables of a process that knows this Hub only and has an empty cache."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    return environment | {
        "HF_ENDPOINT": address,
        "HF_HOME": str(folder / "home"),
        "HF_TOKEN": "hf_local",
        # The other way of large files, for which this Hub has no store.
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory, short_clip: Path) -> Path:
    """Manifests of the same three clips under the names of several data sets, one folder for each."""
    root = tmp_path_factory.mktemp("manifests")
    (root / "copy").mkdir()
    rows = []
    for number, name in enumerate("abc"):
        (root / "copy" / f"{name}.mp4").write_bytes(short_clip.read_bytes())
        row = {"clip_id": name, "path": f"copy/{name}.mp4", "media": "video", "label": number % 2, "take": "x"}
        rows.append({**row, "captions": [f"text {name}"], "split": "test" if name == "c" else "train"})
    for dataset in ("ravdess/speech", "meld/emotion", "mafw/single", "folder/classes", "unheard"):
        path = root / f"{dataset.partition('/')[0]}.parquet"
        write_manifest(path, rows, class_names=NAMES, dataset=dataset, licence="l", source="s", notes=["Shared."])
    return root


@pytest.fixture(scope="module")
def pushed(hub, manifests: Path, tmp_path_factory: pytest.TempPathFactory):
    """The Hub after several pushes, the results of the commands, and the folder they ran in."""
    hub.repositories["datasets/me/twice"] = hub.new_repository(private=True)
    hub.repositories["datasets/me/twice"].files |= {
        "data/train-00001-of-00002.parquet": b"old",
        "LICENSE.md": b"owner's",
    }
    hub.repositories["datasets/me/seen"] = hub.new_repository(private=False)
    ravdess = ["push", "--manifest", str(manifests / "ravdess.parquet"), "--repo"]
    folder = tmp_path_factory.mktemp("push")
    commands = [
        [*ravdess, "me/open", "--revision", "v1"],
        ["push", "--manifest", str(manifests / "meld.parquet"), "--repo", "me/labels", "--public"],
        [*ravdess, "me/twice"],
        [*ravdess, "me/seen"],
        ["prepare", "--dataset", "hub", "--root", "me/open", "--output", "back.parquet"],
    ]
    return hub, run(RUN, hub.address, folder, commands), folder


@pytest.fixture(scope="module")
def loaded(pushed, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a stranger loads."""
    return run(LOAD, pushed[0].address, tmp_path_factory.mktemp("load"))


def test_permitted_media_go_and_come_back(pushed, loaded: dict) -> None:
    """A data set that only this software opens, or that lost its classes on the way, is no data set."""
    hub, results, _ = pushed
    assert results[0][0] == 0 and "Published:" in results[0][1], results[0]
    repository = hub.repositories["datasets/me/open"]
    assert repository.private and repository.branches == ["v1"]
    media = {name for name in repository.files if name.endswith(".mp4")}
    assert media == {"video/train/a.mp4", "video/train/b.mp4", "video/test/c.mp4"}
    assert b"license: cc-by-nc-sa-4.0" in repository.files["README.md"]
    assert loaded["me/open"]["names"] == NAMES
    rows = loaded["me/open"]["rows"]["train"]
    assert [(row["clip_id"], row["label"], row["video"]) for row in rows] == [("a", 0, True), ("b", 1, True)]


def test_annotations_go_alone(pushed, loaded: dict) -> None:
    """Frames of a television series under our name, or its dialogue, were not ours to give."""
    repository = pushed[0].repositories["datasets/me/labels"]
    assert set(repository.files) == {"README.md", "annotations/train.parquet", "annotations/test.parquet"}
    assert not repository.private
    assert b"Not included: the media" in repository.files["README.md"]
    assert loaded["me/labels"]["rows"]["test"] == [{"clip_id": "c", "media": "video", "label": 0, "video": False}]


def test_nothing_of_an_earlier_push_is_left(pushed) -> None:
    """Old shards beside new files would be loaded as one data set; what the owner added is theirs."""
    files = pushed[0].repositories["datasets/me/twice"].files
    assert "data/train-00001-of-00002.parquet" not in files
    assert {"LICENSE.md", "video/train/a.mp4"} <= set(files)


def test_a_public_repository_is_not_taken_for_a_private_one(pushed) -> None:
    """The Hub leaves the visibility of an existing repository as it is, and says nothing."""
    hub, results, _ = pushed
    assert results[3][0] == 2 and "me/seen exists and is public; pass --public" in results[3][2]
    assert hub.repositories["datasets/me/seen"].files == {}


def test_manifest_of_a_data_set_on_the_hub(pushed) -> None:
    """Rows without their class, split or text; a source that moves on; media in a cache that somebody clears."""
    hub, results, folder = pushed
    assert results[4][0] == 0, results[4]
    back = read_manifest(folder / "back.parquet")
    assert (back.class_names, back.licence, back.dataset) == (NAMES, "cc-by-nc-sa-4.0", "hub/default")
    assert back.source.endswith(f"me/open/tree/{hub.repositories['datasets/me/open'].commits[-1]}")
    rows = {row["clip_id"]: row for row in back.table.to_pylist()}
    assert {name: (row["split"], row["label"], row["captions"]) for name, row in rows.items()} == {
        "a": ("train", 0, ["text a"]),
        "b": ("train", 1, ["text b"]),
        "c": ("test", 0, ["text c"]),
    }
    assert rows["a"]["path"] == "back_media/train/000000.mp4"


def test_unpacking_goes_on_in_another_process(pushed) -> None:
    """A night's download that starts again, or that takes its own files for those of another version."""
    hub, _, folder = pushed
    file = folder / "back_media" / "train" / "000001.mp4"
    before = file.stat()
    (folder / "back_media" / "train" / "000000.mp4").unlink()
    command = ["prepare", "--dataset", "hub", "--root", "me/open", "--output", "back.parquet", "--overwrite"]
    assert run(RUN, hub.address, folder, [command])[0][0] == 0
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (folder / "back_media" / "train" / "000000.mp4").is_file()


def test_a_killed_push_sends_no_shard_twice(hub, tmp_path: Path, short_clip: Path) -> None:
    """A night of uploading must survive the night, and nobody must see half of it."""
    for number in range(8):
        (tmp_path / f"{number}.mp4").write_bytes(short_clip.read_bytes())
    rows = [{"clip_id": f"c{n}", "path": f"{n}.mp4", "media": "video", "split": "train", "label": 0} for n in range(8)]
    about = {"class_names": NAMES, "dataset": "ravdess/speech", "licence": "l", "source": "s"}
    write_manifest(tmp_path / "m.parquet", rows, **about)
    write_shards(tmp_path / "m.parquet", tmp_path / "shards", shard_bytes=1)
    push = [
        "push",
        "--manifest",
        str(tmp_path / "m.parquet"),
        "--repo",
        "me/killed",
        "--shards",
        str(tmp_path / "shards"),
    ]
    script = tmp_path / "push.py"
    script.write_text("import sys\nfrom emoclip.cli import main\nsys.exit(main(['data', *sys.argv[1:]]))")
    process = subprocess.Popen([sys.executable, "-P", str(script), *push], env=environment_of(hub.address, tmp_path))
    lock, calls, before = threading.Lock(), [], len(hub.uploads)

    def kill_at_the_fifth(digest: str) -> None:
        with lock:
            calls.append(digest)
            if len(calls) == 5:
                process.kill()
                process.wait()
        if len(calls) >= 5 and digest not in calls[:4]:
            raise ConnectionAbortedError

    hub.on_upload = kill_at_the_fifth
    try:
        assert process.wait(120) == -9
    finally:
        hub.on_upload = lambda digest: None
    assert not hub.repositories["datasets/me/killed"].files
    assert run(RUN, hub.address, tmp_path / "again", [push])[0][0] == 0
    sent = hub.uploads[before:]
    shards = {path.name: path.read_bytes() for path in (tmp_path / "shards" / "data").glob("*.parquet")}
    assert len(shards) == 8
    digests = {hashlib.sha256(content).hexdigest() for content in shards.values()}
    assert sorted(sent) == sorted(digests)
    files = hub.repositories["datasets/me/killed"].files
    assert {name for name in files if name.startswith("data/")} == {f"data/{name}" for name in shards}
    assert all(files[f"data/{name}"] == content for name, content in shards.items())


def test_refusals_and_dry_runs_ask_the_hub_nothing(hub, manifests: Path, tmp_path: Path) -> None:
    """A file that was sent before the rule was looked up is published; a 401 after an hour of hashing says nothing."""

    def push(name: str, *options: str) -> list[str]:
        return ["push", "--manifest", str(manifests / f"{name}.parquet"), "--repo", "me/gated", *options]

    cases = [
        (push("mafw"), "MAFW (mafw/single) has 'academic, not commercial, no redistribution'"),
        (push("mafw", "--own-media", "--licence", "cc-by-4.0"), "neither its media nor its annotations may go"),
        (push("meld", "--shards", "shards"), "Only annotations of MELD may be published"),
        (push("folder"), "pass --own-media"),
        (push("folder", "--own-media"), "`--licence` must say under which terms"),
        (push("unheard"), "of which no licence is known"),
        (push("ravdess", "--dry-run"), None),
        ([], None),
        (push("ravdess"), "hf auth login"),
    ]
    seen = list(hub.requests)
    results = run(RUN, hub.address, tmp_path / "elsewhere", [command for command, _ in cases])
    assert hub.requests == seen
    assert "datasets/me/gated" not in hub.repositories
    messages = [message for command, message in cases if command]
    for (code, out, err), message in zip(results, messages, strict=True):
        assert code == (0 if message is None else 2)
        assert (message or "") in err
        if message is None:
            assert "video/train/a.mp4" in out and "Nothing was sent." in out
