# SPDX-License-Identifier: Apache-2.0
"""MELD: two encodings, videos that are missing or stray."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.data.prepare import prepare


def test_meld_reads_both_encodings(miniature: Callable, rows_of: Callable) -> None:
    """Curly apostrophes of the archive's own tables are not UTF-8."""
    rows = rows_of("meld", miniature("meld"))
    assert {row["text"] for row in rows.values() if row["clip_id"].endswith("dia0_utt3")} == {
        "Oh, that\N{RIGHT SINGLE QUOTATION MARK}s it"
    }


def test_meld_leaves_out_what_has_no_annotation_and_tells_what_has_no_video(
    miniature: Callable, rows_of: Callable, tmp_path: Path
) -> None:
    """Stray videos of the archive have no label; one utterance never had a video."""
    root = miniature("meld")
    both = {f"{split}/dia0_utt3" for split in ("train", "dev", "test")}
    assert set(rows_of("meld", root)) == both | {"train/dia125_utt3", "dev/dia110_utt7"}
    # What no copy has is no reason to refuse this one, and counts as listed.
    with pytest.raises(ValueError, match="dev, joy: 1 clips, officially 163") as refused:
        prepare("meld", root, tmp_path / "m.parquet")
    assert "dev, fear: 1 clips, officially 40" in str(refused.value)
    (root / "output_repeated_splits_test" / "dia0_utt3.mp4").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"1 are missing: test/dia0_utt3 \(meld/test_sent_emo.csv:2\); .*--allow"
    ):
        prepare("meld", root, tmp_path / "m.parquet")
    missing = prepare("meld", root, tmp_path / "m.parquet", allow_missing=True).missing
    assert missing == ["dev/dia110_utt7", "test/dia0_utt3"]


def test_meld_sentiment_is_a_task_of_its_own(miniature: Callable, labels_of: Callable) -> None:
    """Three classes beside seven."""
    labels = labels_of("meld", miniature("meld"), "sentiment")
    assert (labels["train/dia0_utt3"], labels["train/dia125_utt3"]) == ("positive", "negative")
