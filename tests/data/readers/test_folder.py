# SPDX-License-Identifier: Apache-2.0
"""People's own clips."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.data.manifest import read_manifest
from emoclip.data.prepare import prepare
from emoclip.data.readers import get_reader


class TestFolder:
    def test_folders_are_classes(self, miniature: Callable, labels_of: Callable) -> None:
        """Names in any language, videos beside stills."""
        root = miniature("folder")
        assert get_reader("folder", root).tasks == {"classes": ("gespannt", "ruhig")}
        labels = labels_of("folder", root)
        assert labels["test/ruhig/ä clip.mp4"] == "ruhig"
        assert len(labels) == 8

    @pytest.mark.parametrize(
        ("train", "validation", "test"),
        [("train", "val", "test"), ("TRAIN", "Valid", "Testing"), ("training", "dev", "Test")],
    )
    def test_splits_are_found_under_their_usual_names(
        self, train: str, validation: str, test: str, tmp_path: Path, short_clip: Path, rows_of: Callable
    ) -> None:
        """A validation folder that is left out without a word is found after the training."""
        for folder in (train, validation, test):
            (tmp_path / folder / "calm").mkdir(parents=True)
            (tmp_path / folder / "calm" / "a.mp4").write_bytes(short_clip.read_bytes())
        rows = rows_of("folder", tmp_path)
        assert {name: row["split"] for name, row in rows.items()} == {
            f"{train}/calm/a.mp4": "train",
            f"{validation}/calm/a.mp4": "validation",
            f"{test}/calm/a.mp4": "test",
        }

    @pytest.mark.parametrize(
        ("folders", "message"),
        [
            (("train", "holdout"), r"folders of splits \(train\) .* must hold no others, got holdout"),
            (("val", "dev"), r"must hold one folder of the split validation, got dev, val"),
        ],
    )
    def test_folders_that_are_unclear_are_named(self, folders: tuple[str, ...], message: str, tmp_path: Path) -> None:
        """Guessing would leave clips out, or make a split a class."""
        for folder in folders:
            (tmp_path / folder / "calm").mkdir(parents=True)
            (tmp_path / folder / "calm" / "a.mp4").touch()
        with pytest.raises(ValueError, match=message):
            get_reader("folder", tmp_path)

    def test_numbers_are_labels_in_the_order_of_numbers(self, tmp_path: Path, labels_of: Callable) -> None:
        """0 is a class, and 10 does not stand before 2."""
        lines = [{"file_name": f"{label}.mp4", "label": label} for label in (10, 0, 2)]
        (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
        assert get_reader("folder", tmp_path).tasks["classes"] == ("0", "2", "10")
        assert labels_of("folder", tmp_path) == {"10.mp4": "10", "0.mp4": "0", "2.mp4": "2"}

    def test_columns_of_the_manifest_are_read_from_text(self, tmp_path: Path) -> None:
        """In CSV all is text, and the manifest's columns have types."""
        (tmp_path / "a.mp4").touch()
        table = tmp_path / "metadata.csv"
        table.write_text('file_name,label,num_frames,fps,boxes\na.mp4,x,64,29.97,"[[1, 2, 3, 4.5]]"\n')
        prepare("folder", tmp_path, tmp_path / "m.parquet")
        row = read_manifest(tmp_path / "m.parquet").table.to_pylist()[0]
        assert (row["num_frames"], row["fps"], row["boxes"]) == (64, 29.97, [[1, 2, 3, 4.5]])

    @pytest.mark.parametrize("ending", ["csv", "jsonl"])
    def test_tables_with_labels_captions_and_columns_of_ones_own(
        self, ending: str, tmp_path: Path, short_clip: Path, rows_of: Callable
    ) -> None:
        """The layout that `datasets` calls a video folder."""
        (tmp_path / "a.mp4").write_bytes(short_clip.read_bytes())
        lines = [
            {"file_name": "a.mp4", "label": "calm", "caption": "brows at rest, mouth closed", "fold": 2, "take": "x"},
            {"file_name": "b.mp4", "label": "", "caption": "a frown", "fold": "", "take": "y"},
        ]
        if ending == "csv":
            text = (
                'file_name,label,caption,fold,take\na.mp4,calm,"brows at rest, mouth closed",2,x\nb.mp4,,a frown,,y\n'
            )
        else:
            text = "\n".join(json.dumps(line) for line in lines)
        (tmp_path / f"metadata.{ending}").write_text(text)
        rows = rows_of("folder", tmp_path)
        assert rows["a.mp4"]["captions"] == ["brows at rest, mouth closed"]
        assert (rows["a.mp4"]["test_fold"], rows["a.mp4"]["take"]) == (2, "x")
        assert rows["b.mp4"]["label"] is None

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("metadata.csv", "name,label\na,b\n", r"metadata.csv:1: .* must have the column `file_name`"),
            ("metadata.csv", "file_name,label\na.mp4,x,y\n", r"metadata.csv:2: a row must have 2 fields, got 3"),
            (
                "metadata.csv",
                "file_name,label,fold\na.mp4,x,one\n",
                r"metadata.csv:2: `fold` must be a whole number, got",
            ),
            (
                "metadata.csv",
                "file_name,label,path\na.mp4,x,z\n",
                r"metadata.csv:2: `path` is a column of the manifest",
            ),
            ("metadata.csv", "file_name,label\na.mp4,\n", "metadata.csv:2: a row must have `file_name` and `label`"),
            (
                "metadata.csv",
                "file_name,label,fps\na.mp4,x,fast\n",
                "metadata.csv:2: `fps` must be of the type double, got",
            ),
            (
                "metadata.csv",
                "file_name,label,boxes\na.mp4,x,1 2 3\n",
                "metadata.csv:2: `boxes` must be of the type list",
            ),
            (
                "metadata.jsonl",
                '{"file_name": "a.mp4", "label": ["x", "y"]}',
                r"metadata.jsonl:1: `label` must be one word or number, got \['x'",
            ),
            (
                "metadata.jsonl",
                '{"file_name": "a.mp4", "label": "x", "age": 3}\n{"file_name": "b.mp4", "label": "x", "age": "n/a"}',
                r"metadata.jsonl:2: `age` must be of one kind in all rows, float as above, got 'n/a'",
            ),
            ("metadata.jsonl", "{", "metadata.jsonl:1: a line must be a JSON object"),
            ("metadata.jsonl", "[1]", "metadata.jsonl:1: a line must be a JSON object, got"),
        ],
    )
    def test_bad_tables_are_named_with_file_and_row(self, name: str, text: str, message: str, tmp_path: Path) -> None:
        """The user can repair only what is named."""
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=message):
            get_reader("folder", tmp_path)

    def test_an_empty_folder_is_refused(self, tmp_path: Path) -> None:
        """With what it should hold."""
        with pytest.raises(
            FileNotFoundError, match=r"metadata.csv, metadata.jsonl or metadata.parquet, or a folder for each class"
        ):
            get_reader("folder", tmp_path)

    def test_table_of_any_name_and_several_captions(self, tmp_path: Path, short_clip: Path) -> None:
        """One of the captions is drawn each time a clip is seen."""
        (tmp_path / "a.mp4").write_bytes(short_clip.read_bytes())
        table = tmp_path / "my labels.jsonl"
        lines = [
            {"file_name": "a.mp4", "caption": ["a frown", " brows down "]},
            {"file_name": "b.mp4", "captions": ["x"]},
        ]
        table.write_text("\n".join(map(json.dumps, lines)))
        rows = list(get_reader("folder", table).rows(table, "classes"))
        assert [row["captions"] for row in rows] == [["a frown", "brows down"], ["x"]]
        with pytest.raises(ValueError, match=r"must end in .csv, .jsonl, .parquet, got .*notes.txt"):
            get_reader("folder", Path(shutil.copy(table, tmp_path / "notes.txt")))
