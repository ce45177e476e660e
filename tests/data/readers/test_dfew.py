# SPDX-License-Identifier: Apache-2.0
"""DFEW: unpadded ids, labels from 1, frames without padding."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emoclip.data import load
from emoclip.data.clips import ClipDataset
from emoclip.data.prepare import prepare
from modeling_emoclip import EmoCLIPVideoProcessor


def test_dfew_ids_are_padded_and_labels_counted_from_one(
    miniature: Callable, rows_of: Callable, labels_of: Callable
) -> None:
    """Label 1 taken for the second class shifts every emotion."""
    root = miniature("dfew")
    labels = labels_of("dfew", root)
    assert labels["00001"] == "happiness" and labels["00005"] == "surprise" and labels["00101"] == "fear"
    assert rows_of("dfew", root)["00101"]["num_frames"] == 3
    path = root / "EmoLabel_DataSplit" / "test(single-labeled)" / "set_2.csv"
    path.write_text("video_name,label\n2,8\n")
    with pytest.raises(ValueError, match=r"set_2.csv:2: the label must be one of 1, 2, 3, 4, 5, 6, 7, got '8'"):
        rows_of("dfew", root)
    path.write_text("label,video_name\n2,8\n")
    with pytest.raises(ValueError, match=r"set_2.csv:1: the columns must be video_name, label, got"):
        rows_of("dfew", root)


def test_frames_without_padding_are_played_in_the_order_of_their_numbers(miniature: Callable, tmp_path: Path) -> None:
    """As text 10 comes before 2, and a smile fades before it appears. Three frames stand for a clip of sixteen."""
    prepare("dfew", miniature("dfew"), tmp_path / "d.parquet", allow_missing=True)
    rows = load(tmp_path / "d.parquet", fold=1)
    processor = EmoCLIPVideoProcessor(
        num_frames=16, frame_sampling="uniform", size=16, crop_size=16, do_normalize=False, do_rescale=False
    )
    clips = ClipDataset(rows, processor)
    place = {clip: number for number, clip in enumerate(rows["clip_id"])}
    # Frames are drawn the brighter the later they come.
    levels = clips[place["00001"]]["pixel_values_videos"].mean(dim=(1, 2, 3)).numpy()
    np.testing.assert_allclose(levels, 20 + 10 * np.arange(16), atol=2)
    short = clips[place["00101"]]
    levels = short["pixel_values_videos"].mean(dim=(1, 2, 3)).numpy()
    np.testing.assert_allclose(levels, [20, 30] + [40] * 14, atol=2)
    assert short["frame_mask"].sum() == 3


def test_frames_that_are_a_link_in_a_circle_are_missing_with_their_row(miniature: Callable, tmp_path: Path) -> None:
    """Links that a copy turned onto themselves."""
    root = miniature("dfew")
    folder = root / "Clip" / "clip_224x224_16f" / "00103"
    shutil.rmtree(folder)
    folder.symlink_to(folder)
    with pytest.raises(FileNotFoundError, match=r"1 are missing: 00103 \(test\(single-labeled\)/set_3.csv:3\)"):
        prepare("dfew", root, tmp_path / "d.parquet")


def test_the_kinds_of_frames_are_not_mixed(miniature: Callable, tmp_path: Path) -> None:
    """Sixteen frames of a clip are another rate than all of them; of an archive that is half unpacked the rest is missing."""
    root = miniature("dfew")
    source = root / "Clip" / "clip_224x224_16f" / "00001"
    shutil.copytree(source, root / "Clip" / "clip_224x224" / "00001")
    with pytest.raises(FileNotFoundError, match="9 are missing: 00101"):
        prepare("dfew", root, tmp_path / "d.parquet")
