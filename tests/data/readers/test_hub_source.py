# SPDX-License-Identifier: Apache-2.0
"""Data sets that `datasets` opens: which column is what, and where media end up. The Hub itself is tested in tests/hub."""

from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, Features, Image, List, Value, Video
from PIL import Image as Picture

from emoclip.data import load
from emoclip.data.manifest import read_manifest, write_manifest
from emoclip.data.prepare import prepare
from emoclip.data.readers.hub_source import find_columns
from emoclip.data.sharding import write_shards


TEXT, LABEL = Value("string"), ClassLabel(names=["tense", "calm"])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the user's cache alone."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes rows as `<folder>/train.parquet`."""

    def write(rows: list[dict], features: dict) -> Path:
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        Dataset.from_list(rows, features=Features(features)).to_parquet(folder / "train.parquet")
        return folder

    return write


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"clip": TEXT, "label": LABEL}, r"must have a column of videos or images, x has clip \(string\), label"),
        ({"video": Video(), "emotion": TEXT}, r"must have `label` or one of captions, caption, text, x has .*emotion"),
        ({"video": Video(), "label": Value("int64")}, "must be a ClassLabel or text, .* x has int64"),
        ({"a": Video(), "b": Video(), "label": LABEL}, "must be named `video`, x has a, b"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_columns_there_are(features: dict, message: str) -> None:
    """The name of a column is all that a user can change."""
    with pytest.raises(ValueError, match=message):
        find_columns(Features(features), "x")


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"thumbnail": Image(), "clip": Video(), "label": TEXT}, ("clip", "video", "label", None)),
        ({"face": Image(), "emotion": LABEL}, ("face", "image", "emotion", None)),
        ({"frames": List(Image()), "text": TEXT}, ("frames", "frames", None, "text")),
        (
            {"video": {"bytes": Value("binary"), "path": TEXT}, "captions": List(TEXT)},
            ("video", "video", None, "captions"),
        ),
        ({"video": Value("binary"), "caption": TEXT}, ("video", "video", None, "caption")),
    ],
)
def test_columns_are_found_by_their_kind(features: dict, expected: tuple) -> None:
    """Names differ from set to set; a thumbnail is not the clip."""
    columns = find_columns(Features(features), "x")
    assert (columns.media, columns.kind, columns.label, columns.captions) == expected


def test_bytes_in_a_table_become_files(save: Callable, short_clip: Path, tmp_path: Path) -> None:
    """Names in tables are strangers': one that climbs out of the folder must not."""
    content = short_clip.read_bytes()
    rows = [
        {"video": {"bytes": content, "path": "../../x.mp4"}, "label": 1, "caption": "a frown"},
        {"video": {"bytes": content, "path": None}, "label": -1, "caption": ""},
    ]
    root = save(rows, {"video": Video(decode=False), "label": LABEL, "caption": TEXT})
    prepare("hub", root, tmp_path / "new" / "m.parquet")
    manifest = read_manifest(tmp_path / "new" / "m.parquet")
    found = manifest.table.select(["path", "label", "captions"]).to_pylist()
    assert found == [
        {"path": "m_media/train/000000.mp4", "label": 1, "captions": ["a frown"]},
        {"path": "m_media/train/000001.mp4", "label": None, "captions": None},
    ]
    assert {file.read_bytes() for file in (tmp_path / "new" / "m_media" / "train").iterdir()} == {content}


def test_lists_of_pictures_become_folders_of_frames(save: Callable, tmp_path: Path) -> None:
    """Shards without video files."""
    import PIL.Image

    pictures = [PIL.Image.new("RGB", (4, 6), colour) for colour in ("red", "blue")]
    root = save([{"frames": pictures, "label": "calm"}], {"frames": List(Image()), "label": TEXT})
    prepare("hub", root, tmp_path / "m.parquet")
    row = read_manifest(tmp_path / "m.parquet").table.to_pylist()[0]
    assert (row["media"], row["num_frames"], row["path"]) == ("frames", 2, "m_media/train/000000")


def test_own_files_stay_where_they_are(short_clip: Path, tmp_path: Path) -> None:
    """A copy of a terabyte next to the terabyte."""
    for name in ("calm", "tense"):
        (tmp_path / "clips" / name).mkdir(parents=True)
        (tmp_path / "clips" / name / "a.mp4").write_bytes(short_clip.read_bytes())
    prepare("hub", tmp_path / "clips", tmp_path / "m.parquet")
    manifest = read_manifest(tmp_path / "m.parquet")
    assert manifest.table["path"].to_pylist() == ["clips/calm/a.mp4", "clips/tense/a.mp4"]
    assert manifest.class_names == ["calm", "tense"]
    assert not (tmp_path / "m_media").exists()


def test_a_table_cannot_reach_for_the_users_files(save: Callable, short_clip: Path, tmp_path: Path) -> None:
    """A data set from the net that names ~/private.mp4 would carry it into whatever is made from it."""
    root = save(
        [{"video": {"bytes": None, "path": str(short_clip)}, "label": 0}],
        {"video": {"bytes": Value("binary"), "path": TEXT}, "label": LABEL},
    )
    with pytest.raises(FileNotFoundError, match=r"1 are missing: train/000000 \(train, row 0\)"):
        prepare("hub", root, tmp_path / "m.parquet")


def test_media_of_another_version_are_not_mixed_in(save: Callable, short_clip: Path, tmp_path: Path) -> None:
    """Rows of the new version with files of the old one: every label on another clip."""
    features = {"video": Video(decode=False), "label": LABEL}
    row = {"video": {"bytes": short_clip.read_bytes(), "path": "a.mp4"}, "label": 0}
    prepare("hub", save([row], features), tmp_path / "m.parquet")
    with pytest.raises(FileExistsError, match=r"m_media must be new or hold media of the same version"):
        prepare("hub", save([row, row], features), tmp_path / "m.parquet", overwrite=True)


@pytest.mark.parametrize(
    ("dataset", "root", "revision", "error", "message"),
    [
        ("hub", ".", "main", ValueError, "`--revision` is for repositories on the Hub"),
        ("hub", "a/b/c", None, FileNotFoundError, "must be user/name on the Hub or a folder, got a/b/c"),
        ("folder", ".", "main", ValueError, "`--revision` is for `--dataset hub`, got 'main' for folder"),
    ],
)
def test_bad_roots_are_refused(
    dataset: str, root: str, revision: str | None, error: type[Exception], message: str, tmp_path: Path
) -> None:
    """Before anything is downloaded."""
    with pytest.raises(error, match=message):
        prepare(dataset, root, tmp_path / "m.parquet", revision=revision)


def test_table_of_videos_and_stills_gives_both(tmp_path: Path, short_clip: Path) -> None:
    """Shards hold each clip in the column of its kind; a thumbnail beside a video is no clip of its own."""
    (tmp_path / "clips").mkdir()
    Picture.new("RGB", (8, 6)).save(tmp_path / "clips" / "still.png")
    (tmp_path / "clips" / "film.mp4").write_bytes(short_clip.read_bytes())
    rows = [
        {"clip_id": name, "path": f"clips/{name}.{end}", "media": media, "split": "train", "label": 0}
        for name, end, media in (("film", "mp4", "video"), ("still", "png", "image"))
    ]
    write_manifest(tmp_path / "m.parquet", rows, class_names=["x"], dataset="d", licence="l", source="s")
    write_shards(tmp_path / "m.parquet", tmp_path / "shards")
    prepare("hub", tmp_path / "shards" / "data", tmp_path / "again.parquet")
    assert {row["clip_id"]: row["media"] for row in load(tmp_path / "again.parquet")} == {
        "film": "video",
        "still": "image",
    }
