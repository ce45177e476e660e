# SPDX-License-Identifier: Apache-2.0
"""MELD (Poria et al., ACL 2019): utterances of a TV series with 7 emotions.

    {train,dev,test}_sent_emo.csv                                                       header; words for labels
    {train_splits,dev_splits_complete,output_repeated_splits_test}/dia<D>_utt<U>.mp4

Dialogue and utterance numbers repeat between splits. Some videos are known to be broken or missing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from .layout import class_id, find, find_or_none, listed, media_of
from .reader import Publication, Reader, Row, counts_of


NAMES = CLASS_ORDERS["meld"]
FOLDERS = {
    "train": "train_splits",
    "dev": r"dev_splits(_complete)?",
    "test": r"(output_repeated_splits_test|test_splits)",
}
NEEDED = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
# The first is corrupt, the second was never published.
WITHOUT_VIDEO = {"train/dia125_utt3", "dev/dia110_utt7"}
COUNTS = counts_of(
    NAMES,
    train=[4710, 1205, 268, 683, 1743, 271, 1109],
    dev=[470, 150, 40, 111, 163, 22, 153],
    test=[1256, 281, 50, 208, 402, 68, 345],
)


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the utterances of all three splits."""
    for split, folder in FOLDERS.items():
        path = find(root, rf"{split}_sent_emo\.csv")
        videos = find_or_none(root, folder) or find(root, split, folder)
        reader = csv.DictReader(io.StringIO(_text(path), newline=""))
        missing = [name for name in NEEDED if name not in (reader.fieldnames or [])]
        if missing:
            raise ValueError(f"{path} must have the column {missing[0]}, got {reader.fieldnames}.")
        for number, line in enumerate(reader, start=2):
            clip = f"dia{line['Dialogue_ID']}_utt{line['Utterance_ID']}"
            yield {
                "clip_id": f"{split}/{clip}",
                "listed": listed(path, number),
                **media_of(videos / f"{clip}.mp4"),
                "label": class_id(line["Emotion"], NAMES, f"{path}:{number}"),
                "split": split,
                "subject_id": line["Speaker"],
                "text": line["Utterance"],
            }


def _text(path: Path) -> str:
    """Copies inside the archive are in Windows' encoding."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return path.read_text(encoding="cp1252")


READER = Reader(
    name="meld",
    title="MELD",
    tasks={"emotion": NAMES},
    licence="GPL-3.0 for the annotations; footage of the series Friends",
    access="https://github.com/declare-lab/MELD",
    source="https://github.com/declare-lab/MELD",
    rows=rows,
    counts={"emotion": COUNTS},
    notes=(f"Known to have no usable video: {', '.join(sorted(WITHOUT_VIDEO))}; prepare with --allow-missing.",),
    publication=Publication(
        # Not the utterances: they are the dialogue of the series.
        "annotations",
        "the annotations are under the GPL, the footage belongs to the makers of the series",
        "gpl-3.0",
    ),
)
