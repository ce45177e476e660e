# SPDX-License-Identifier: Apache-2.0
"""MELD (Poria et al., ACL 2019): utterances of a TV series with 7 emotions.

    {train,dev,test}_sent_emo.csv                                                       header; words for labels
    {train_splits,dev_splits_complete,output_repeated_splits_test}/dia<D>_utt<U>.mp4

Dialogue and utterance numbers repeat between splits. Some videos are known to be broken or missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import CLASS_ORDERS

from . import overlaps
from .layout import class_id, find, find_or_none, listed, media_of
from .lists import UTF8, encoding_of, read_table
from .reader import Publication, Reader, Row, counts_of


NAMES = CLASS_ORDERS["meld"]
SENTIMENTS = ("neutral", "positive", "negative")
COLUMN = {"emotion": "Emotion", "sentiment": "Sentiment"}
FOLDERS = {
    "train": "train_splits",
    "dev": r"dev_splits(_complete)?",
    "test": r"(output_repeated_splits_test|test_splits)",
}
NEEDED = ("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID")
CORRUPT = "train/dia125_utt3"
NEVER_PUBLISHED = "dev/dia110_utt7"
CUT_WRONGLY = ("train/dia309_utt0", "train/dia793_utt0", "test/dia38_utt4", "test/dia220_utt0")
COUNTS = counts_of(
    NAMES,
    train=[4710, 1205, 268, 683, 1743, 271, 1109],
    dev=[470, 150, 40, 111, 163, 22, 153],
    test=[1256, 281, 50, 208, 402, 68, 345],
)
SENTIMENT_COUNTS = counts_of(SENTIMENTS, train=[4710, 2334, 2945], dev=[470, 233, 406], test=[1256, 521, 833])


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the utterances of all three splits."""
    names = NAMES if task == "emotion" else SENTIMENTS
    for split, folder in FOLDERS.items():
        path = find(root, rf"{split}_sent_emo\.csv")
        videos = find_or_none(root, folder) or find(root, split, folder)
        # Copies inside the archive are in Windows' encoding.
        for number, line in read_table(path, NEEDED, encoding=encoding_of(path, UTF8, "cp1252")):
            clip = f"dia{line['Dialogue_ID']}_utt{line['Utterance_ID']}"
            yield {
                "clip_id": f"{split}/{clip}",
                "listed": listed(path, number),
                **media_of(videos / f"{clip}.mp4"),
                "label": class_id(line[COLUMN[task]], names, f"{path}:{number}"),
                "split": split,
                "subject_id": line["Speaker"],
                "text": line["Utterance"],
            }


READER = Reader(
    name="meld",
    title="MELD",
    tasks={"emotion": NAMES, "sentiment": SENTIMENTS},
    licence="GPL-3.0 for the annotations; footage of the series Friends",
    access="https://github.com/declare-lab/MELD",
    source="https://github.com/declare-lab/MELD",
    rows=rows,
    counts={"emotion": COUNTS, "sentiment": SENTIMENT_COUNTS},
    never_published=frozenset({NEVER_PUBLISHED}),
    notes=(
        f"Known to have no usable video: {NEVER_PUBLISHED}, which is left out, and {CORRUPT}, which does not decode.",
        f"Known to be cut wrongly: {', '.join(CUT_WRONGLY)}.",
        overlaps.TV_SERIES,
    ),
    publication=Publication(
        # Not the utterances: they are the dialogue of the series.
        "annotations",
        "the annotations are under the GPL, the footage belongs to the makers of the series",
        "gpl-3.0",
    ),
)
