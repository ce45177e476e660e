# SPDX-License-Identifier: Apache-2.0
"""From a download to a manifest: what is written, what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from emoclip.cli import main
from emoclip.data import load
from emoclip.data.clips import ClipDataset
from emoclip.data.manifest import read_manifest
from emoclip.data.prepare import prepare, read_ids
from emoclip.data.readers import READERS
from emoclip.data.readers.reader import Reader, counts_of
from emoclip.data.sharding import write_shards
from modeling_emoclip import EmoCLIPVideoProcessor


NAMES = ("calm", "tense")


@pytest.fixture
def download(tmp_path: Path, short_clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of three clips, with official counts."""
    root = tmp_path / "download"
    root.mkdir()
    for name in "abc":
        (root / f"{name}.mp4").write_bytes(short_clip.read_bytes())

    def rows(root: Path, task: str):
        for number, name in enumerate("abc"):
            path = root / f"{name}.mp4"
            yield {"clip_id": name, "path": path, "media": "video", "label": number % 2, "split": "train"}

    counts = {"single": counts_of(NAMES, train=[2, 1])}
    reader = Reader(
        "small", "Small", {"single": NAMES}, "mine", "mine", "mine", rows, counts, notes=("Shared clips.",)
    )
    monkeypatch.setitem(READERS, "small", reader)
    return root


def test_manifest_is_complete_and_its_paths_are_relative(download: Path, tmp_path: Path) -> None:
    """The folder must be movable together with the data."""
    output = tmp_path / "new" / "small.parquet"
    prepared = prepare("small", download, output)
    manifest = read_manifest(output)
    assert manifest.table["path"].to_pylist() == [f"../download/{name}.mp4" for name in "abc"]
    assert (manifest.class_names, manifest.dataset, manifest.licence) == (list(NAMES), "small/single", "mine")
    assert manifest.notes == ("Shared clips.",)
    assert prepared.counts == {"train": {"calm": 2, "tense": 1}}


def test_missing_clips_are_listed_and_refused(download: Path, tmp_path: Path) -> None:
    """Half an archive trains half a model without a word."""
    (download / "b.mp4").unlink()
    with pytest.raises(FileNotFoundError, match=r"every clip that Small lists, 1 are missing: b; .*--allow-missing"):
        prepare("small", download, tmp_path / "a.parquet")
    assert not (tmp_path / "a.parquet").exists()
    prepared = prepare("small", download, tmp_path / "a.parquet", allow_missing=True)
    assert prepared.missing == ["b"]
    assert json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"missing"]) == ["b"]
    notes = json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"notes"])
    assert any("1 listed clips were missing" in note for note in notes)
    assert any("train, tense: 0 clips, officially 1" in note for note in notes)


def test_other_counts_are_refused(download: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another release, or a list that somebody edited."""
    reader = READERS["small"]
    monkeypatch.setitem(reader.counts, "single", counts_of(NAMES, train=[2, 7]))
    with pytest.raises(ValueError, match="1 differ: train, tense: 1 clips, officially 7"):
        prepare("small", download, tmp_path / "a.parquet")
    monkeypatch.setitem(reader.alternatives, "single", [counts_of(NAMES, train=[2, 1])])
    prepare("small", download, tmp_path / "a.parquet")


def test_clips_are_left_out_on_request(download: Path, tmp_path: Path) -> None:
    """Which clips two sets share is not published, so that users bring their own list."""
    # As a spreadsheet saves it, with a mark in front.
    (tmp_path / "ids.txt").write_text("\ufeffa\n# shared\n\nno such clip\n", encoding="utf-8")
    prepared = prepare("small", download, tmp_path / "a.parquet", exclude_ids=read_ids(tmp_path / "ids.txt"))
    assert prepared.excluded == 1
    manifest = read_manifest(tmp_path / "a.parquet")
    assert manifest.table["clip_id"].to_pylist() == ["b", "c"]
    # A score on them is not one on the official set.
    assert "1 listed clips were left out on request." in manifest.notes


def test_a_clip_in_two_folds_is_refused(download: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be trained on and tested on."""

    def rows(root: Path, task: str):
        for fold in (1, 4):
            yield {
                "clip_id": "a",
                "path": root / "a.mp4",
                "media": "video",
                "label": 0,
                "split": "all",
                "test_fold": fold,
            }

    monkeypatch.setitem(READERS, "small", replace(READERS["small"], rows=rows))
    with pytest.raises(ValueError, match="'a' is in fold 1 and in fold 4"):
        prepare("small", download, tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"dataset": "imagenet"}, ValueError, "must be one of mafw"),
        ({"task": "double"}, ValueError, "`--task` of small must be one of single, got 'double'"),
        ({"output": "a.csv"}, ValueError, "must end in .parquet"),
    ],
)
def test_bad_arguments_are_refused(
    download: Path, tmp_path: Path, change: dict, error: type[Exception], message: str
) -> None:
    """Before a file is opened."""
    arguments = {"dataset": "small", "root": download, "output": tmp_path / "a.parquet", **change}
    with pytest.raises(error, match=message):
        prepare(**arguments)


def test_an_existing_manifest_is_kept(download: Path, tmp_path: Path) -> None:
    """Results refer to it by its fingerprint."""
    prepare("small", download, tmp_path / "a.parquet")
    with pytest.raises(FileExistsError, match="--overwrite"):
        prepare("small", download, tmp_path / "a.parquet")
    prepare("small", download, tmp_path / "a.parquet", overwrite=True)


def test_a_wrong_root_says_what_it_found(tmp_path: Path) -> None:
    """The folder above or below the right one is the usual slip."""
    (tmp_path / "Clips").mkdir()
    with pytest.raises(FileNotFoundError, match=r"must hold 'EmoLabel_DataSplit' \(a pattern\), found Clips"):
        prepare("dfew", tmp_path, tmp_path / "a.parquet")
    with pytest.raises(FileNotFoundError, match="`--root` must be the folder of the data set"):
        prepare("dfew", tmp_path / "no", tmp_path / "a.parquet")


def test_the_command_prints_counts_beside_the_official_ones(
    download: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """What a user sees first."""
    (download / "c.mp4").unlink()
    command = [
        "data",
        "prepare",
        "--dataset",
        "small",
        "--root",
        str(download),
        "--output",
        str(tmp_path / "a.parquet"),
    ]
    for more, code in (([], 2), (["--allow-missing"], 0)):
        assert main([*command, *more]) == code
        printed = capsys.readouterr()
        # Also where they are refused: what differs is seen at a glance.
        assert "2/3" in printed.out and "calm 1/2" in printed.out
        assert ("1 are missing: c" in printed.err) == (code == 2)
    assert "Note: Shared clips." in printed.out
    assert main(["data", "list"]) == 0
    assert "MAFW" in capsys.readouterr().out


def test_clip_listed_twice_is_named_with_files_and_rows(tmp_path: Path, short_clip: Path) -> None:
    """A list that was put together from two by hand."""
    root = tmp_path / "DFEW"
    for fold in range(1, 6):
        lists = root / "EmoLabel_DataSplit" / "test(single-labeled)"
        lists.mkdir(parents=True, exist_ok=True)
        (lists / f"set_{fold}.csv").write_text(f"video_name,label\n{max(fold, 2)},1\n")
    with pytest.raises(ValueError, match=r"'00002' is in .*/set_1.csv:2 and in .*/set_2.csv:2"):
        prepare("dfew", root, tmp_path / "a.parquet", allow_missing=True)


def test_names_in_any_script_and_of_any_length_go_all_the_way(tmp_path: Path, short_clip: Path) -> None:
    """People's own clips are called what people call them."""
    name = f"{'é' * 60} 😀 表情 {'x' * 90}.mp4"
    folder = tmp_path / "mine" / "glücklich 'oder' \"nicht\""
    folder.mkdir(parents=True)
    (folder / name).write_bytes(short_clip.read_bytes())
    prepare("folder", tmp_path / "mine", tmp_path / "m.parquet")
    processor = EmoCLIPVideoProcessor(num_frames=2, frame_stride=1, size=16, crop_size=16)
    assert "error" not in ClipDataset(load(tmp_path / "m.parquet"), processor)[0]
    for form in ("parquet", "webdataset"):
        write_shards(tmp_path / "m.parquet", tmp_path / form, format=form)
        assert load(tmp_path / form)[0]["clip_id"].endswith(name)


def test_output_that_cannot_be_written_is_refused_before_reading(download: Path, tmp_path: Path) -> None:
    """The counts of 300,000 clips take a while."""
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match=r"a part of .* is a file; choose another"):
        prepare("small", download / "nowhere", tmp_path / "file" / "a.parquet")
    with pytest.raises(PermissionError, match=r"can be written to, .* cannot"):
        prepare("small", download / "nowhere", Path("/proc/emoclip/a.parquet"))


def test_long_list_of_missing_clips_is_in_a_file(
    download: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message of nine thousand names is of no use, and twenty of them are not the list."""

    def rows(root: Path, task: str):
        for number in range(30):
            path = root / f"{number}.mp4"
            yield {
                "clip_id": f"{number}",
                "path": path,
                "media": "video",
                "split": "train",
                "listed": f"l.txt:{number}",
            }

    monkeypatch.setitem(READERS, "small", replace(READERS["small"], rows=rows, counts={}))
    with pytest.raises(
        FileNotFoundError, match=r"30 are missing: 0 \(l.txt:0\), .* and 10 more \(all in .*a.missing.txt\)"
    ):
        prepare("small", download, tmp_path / "a.parquet")
    assert (tmp_path / "a.missing.txt").read_text().splitlines()[29] == "29 (l.txt:29)"
