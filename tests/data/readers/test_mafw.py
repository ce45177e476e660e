# SPDX-License-Identifier: Apache-2.0
"""MAFW: five folds, captions in GBK, combinations."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.data.prepare import prepare
from emoclip.data.readers import READERS
from emoclip.data.readers.mafw import neutral_caption
from emoclip.data.readers.reader import WHOLE
from modeling_emoclip.labels_emoclip import NEUTRAL_CAPTIONS


class TestMAFW:
    def test_captions_are_the_english_field_in_gbk(self, miniature: Callable, rows_of: Callable) -> None:
        """Read as UTF-8 the file fails; split at commas the caption is cut."""
        rows = rows_of("mafw", miniature("mafw"))
        assert rows["01000"]["captions"] == ["A person frowns, eyes wide, and shouts."]
        assert rows["01000"]["test_fold"] == 1
        assert rows["01000"]["media"] == "frames" and rows["01000"]["num_frames"] == 3

    def test_neutral_clips_get_two_of_five_captions_fixed_for_each(
        self, miniature: Callable, rows_of: Callable
    ) -> None:
        """The paper's rule; drawn anew each time, two runs would train on other data."""
        caption = rows_of("mafw", miniature("mafw"))["01001"]["captions"][0]
        parts = [text for text in NEUTRAL_CAPTIONS if text in caption]
        assert len(parts) == 2 and len(caption) == sum(map(len, parts)) + 1
        assert caption == neutral_caption("01001")
        assert len({neutral_caption(str(number)) for number in range(50)}) > 10

    def test_whole_pictures_do_not_stand_in_for_faces(
        self, miniature: Callable, rows_of: Callable, tmp_path: Path
    ) -> None:
        """Half an archive of faces beside all videos would be a set of both, on which models of faces fail without a word."""
        root = miniature("mafw")
        shutil.rmtree(root / "data" / "frames" / "04000")
        assert (root / "data" / "clips" / "04000.mp4").is_file()
        with pytest.raises(FileNotFoundError, match=r"1 are missing: 04000 \(set_4/test.txt:1\)"):
            prepare("mafw", root, tmp_path / "m.parquet")
        shutil.rmtree(root / "data" / "frames")
        assert {row["media"] for row in rows_of("mafw", root).values()} == {"video"}

    def test_half_of_the_captioned_lists_is_refused(self, miniature: Callable, rows_of: Callable) -> None:
        """Clips of the other folds would drop out of training, all but the neutral ones, which get texts of the paper."""
        root = miniature("mafw")
        captioned = root / "Train & Test Set" / "single" / "with_caption"
        shutil.rmtree(captioned / "set_3")
        with pytest.raises(FileNotFoundError, match=r"with_caption must hold 'set_3'"):
            rows_of("mafw", root)
        shutil.rmtree(captioned)
        assert {str(row["captions"]) for row in rows_of("mafw", root).values()} == {"None"}

    def test_combinations_keep_their_components(
        self, miniature: Callable, rows_of: Callable, labels_of: Callable
    ) -> None:
        """Averaged prototypes need them."""
        root = miniature("mafw")
        assert labels_of("mafw", root, "compound")["05000"] == "anger_disgust_contempt"
        rows = rows_of("mafw", root, "compound")
        assert rows["05000"]["labels"] == [0, 1, 7]
        assert rows["02000"]["labels"] == [3, 6]

    @pytest.mark.parametrize(
        ("kind", "content", "message"),
        [
            ("no_caption", b"00001.mp4 joy\n", r"test.txt:1: the label must be one of anger, .* got 'joy'"),
            ("no_caption", b"\n00001.mp4\n", r"test.txt:2: a line must be `clip label`"),
            (
                "no_caption",
                b"03000.mp4 sadness\n03009.mp4 fear\n",
                "test.txt:2: every clip .* 03009 is in no captioned",
            ),
            (
                "no_caption",
                b"03000.mp4 fear\n",
                r"with_caption.*test.txt:1: the label must be .* 'fear' in .*no_caption",
            ),
            (
                "no_caption",
                b"03009.mp4 neutral\n",
                r"with_caption.*set_3.test.txt:1: every clip with a caption .* 03000",
            ),
            (
                "with_caption",
                "03000.mp4\tsadness\tA frown.\t皱着眉。\n".encode("gbk"),
                "test.txt:1: .*English caption, got '皱",
            ),
            (
                "with_caption",
                b"03000.mp4\tsadness\tx\ty\n" * 2,
                r"test.txt:2: a clip must have one caption, .*test.txt:1",
            ),
            ("with_caption", b"00001.mp4\tanger\ttext\n", "test.txt:1: a line must have 4 fields .* got 3"),
            ("with_caption", b"00001.mp4\tanger\t\xd2\xbb\ttext\n\xff\xff", "test.txt:2: must be written in gb18030"),
            ("no_caption", "00001.mp4 ä\n".encode("latin-1"), "test.txt:1: must be written in utf-8, byte 10"),
        ],
    )
    def test_damaged_lists_are_named_with_file_and_row(
        self, kind: str, content: bytes, message: str, miniature: Callable, rows_of: Callable
    ) -> None:
        """A list that was opened and saved by a spreadsheet."""
        root = miniature("mafw")
        (root / "Train & Test Set" / "single" / kind / "set_3" / "test.txt").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            rows_of("mafw", root)

    def test_renamed_list_folder_is_found(self, miniature: Callable, rows_of: Callable) -> None:
        """Spaces and ampersands do not survive many copies."""
        root = miniature("mafw")
        (root / "Train & Test Set").rename(root / "Train_Test_Set")
        assert len(rows_of("mafw", root)) == 7

    def test_clips_of_no_compound_fold_are_in_no_compound_manifest(
        self, miniature: Callable, rows_of: Callable
    ) -> None:
        """176 clips of the single set are in none; as a class of their own fold they would be tested on or trained on by chance."""
        root = miniature("mafw")
        assert "01002" in rows_of("mafw", root)
        assert "01002" not in rows_of("mafw", root, "compound")

    def test_official_compound_counts_are_those_of_the_figure(self) -> None:
        """Combinations sum to 4,058, singles to 4,938; four of the singles are known together alone."""
        counts = READERS["mafw"].counts["compound"]
        whole = counts[WHOLE]
        assert sum(counts[f"fold {fold}"][""] for fold in range(1, 6)) == whole[""] == 8996
        assert sum(number for name, number in whole.items() if "_" in name) == 4058
        assert sum(counts[f"fold {fold}"]["neutral"] for fold in range(1, 6)) == whole["neutral"]
        assert sum(number for name, number in whole.items() if name and "_" not in name) == 4938 - 475

    def test_captioned_lists_have_the_official_sizes(self) -> None:
        """Every clip but the neutral ones has a caption, so that these sizes are checked with the others."""
        counts = READERS["mafw"].counts
        sizes = [sum(counts["single"][f"fold {fold}"].values()) for fold in range(1, 6)]
        neutral = [counts["single"][f"fold {fold}"]["neutral"] for fold in range(1, 6)]
        assert [size - few for size, few in zip(sizes, neutral, strict=True)] == [1611, 1609, 1605, 1605, 1604]
        folds = [counts["compound"][f"fold {fold}"] for fold in range(1, 6)]
        assert [fold[""] - fold["neutral"] for fold in folds] == [1590, 1581, 1570, 1561, 1556]

    def test_wrong_root_is_told_in_words(self, tmp_path: Path, rows_of: Callable) -> None:
        """Nobody looks for a folder that is called like a regular expression."""
        with pytest.raises(
            FileNotFoundError, match=r"must hold the folder `Train & Test Set` \(copies .* found nothing"
        ):
            rows_of("mafw", tmp_path)

    def test_name_that_no_file_can_have_is_a_missing_clip(self, miniature: Callable, tmp_path: Path) -> None:
        """Two columns that ran together; the system's own error has neither file nor row."""
        root = miniature("mafw")
        name = "x" * 300
        path = root / "Train & Test Set" / "single" / "no_caption" / "set_1" / "test.txt"
        path.write_text(path.read_text() + f"{name}.mp4 neutral\n")
        with pytest.raises(FileNotFoundError, match=rf"1 are missing: {name} \(set_1/test.txt:4\)"):
            prepare("mafw", root, tmp_path / "m.parquet")
