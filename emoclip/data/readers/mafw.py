# SPDX-License-Identifier: Apache-2.0
"""MAFW (Liu et al., ACM MM 2022): film clips with 11 emotions, 32 combinations of them, and captions.

    [data/]frames/<clip>/*  or  [data/]clips/<clip>.mp4
    Train & Test Set/{single,compound}/{no_caption,with_caption}/set_{1..5}/{train,test}.txt

Captioned lists are in GBK, tab-separated: clip, label, Chinese, English. Copies rename the folder of the lists. 176 clips of the
single lists are in no compound list, and so in no compound manifest.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from modeling_emoclip.labels_emoclip import (
    MAFW_CLASS_NAMES,
    MAFW_COMBINATION_COUNTS,
    MAFW_COMPOUND_CLASSES,
    NEUTRAL_CAPTIONS,
)

from . import overlaps
from .layout import class_id, find, find_or_none, listed, media_of
from .lists import read_lines
from .reader import WHOLE, Reader, Row, counts_of


FOLDS = range(1, 6)
LISTS = r"train\W*_?&?_?\W*test\W*_?set"
COMPOUND_NAMES = tuple(MAFW_COMPOUND_CLASSES)

COUNTS = counts_of(
    MAFW_CLASS_NAMES,
    fold_1=[278, 128, 125, 249, 228, 294, 215, 48, 184, 53, 37],
    fold_2=[278, 128, 125, 249, 228, 294, 215, 47, 183, 53, 37],
    fold_3=[278, 128, 125, 248, 228, 294, 214, 47, 183, 52, 36],
    fold_4=[278, 128, 125, 248, 227, 294, 214, 47, 183, 52, 36],
    fold_5=[278, 127, 125, 248, 227, 294, 214, 47, 183, 52, 36],
)
# Of the compound folds only sums are known; of the single classes in all of them, fear, contempt, helplessness and disappointment
# are known together alone.
COMPOUND_COUNTS = {
    **{f"fold {fold}": {"": size} for fold, size in zip(FOLDS, (1818, 1809, 1798, 1788, 1783), strict=True)},
    WHOLE: {
        "": 8996,
        **{
            "neutral": 1138,
            "happiness": 1075,
            "sadness": 610,
            "surprise": 497,
            "anger": 425,
            "anxiety": 408,
            "disgust": 310,
        },
        **MAFW_COMBINATION_COUNTS,
    },
}


def rows(root: Path, task: str) -> Iterator[Row]:
    """Yield the clips of the five test folds, with their captions where there are any."""
    names = MAFW_CLASS_NAMES if task == "single" else COMPOUND_NAMES
    lists = find(root, LISTS, task)
    captions = _captions(lists)
    folder, suffix = _media_folder(root)
    for fold in FOLDS:
        path = find(lists, r"no[_-]caption.*", f"set_{fold}", r"test\.txt")
        for number, line in read_lines(path):
            fields = line.split()
            if len(fields) != 2:
                raise ValueError(f"{path}:{number}: a line must be `clip label`, got {line!r}.")
            clip = fields[0].removesuffix(".mp4")
            label = class_id(fields[1], names, f"{path}:{number}")
            components = MAFW_COMPOUND_CLASSES[names[label]]
            yield {
                "clip_id": clip,
                "listed": listed(path, number),
                **media_of(folder / f"{clip}{suffix}"),
                "label": label,
                "labels": [MAFW_CLASS_NAMES.index(component) for component in components],
                "captions": captions.get(clip) or _caption_of_neutral(clip, names[label], captions),
                "split": "all",
                "test_fold": fold,
            }


def neutral_caption(clip_id: str, seed: int = 0) -> str:
    """Return the caption of a neutral clip, which MAFW leaves without: two distinct texts of five, joined by a space.

    Source: EmoCLIP, section III-C. The paper does not say whether they are drawn again; here they are fixed for each clip.
    """
    return " ".join(random.Random(f"{seed}:{clip_id}").sample(NEUTRAL_CAPTIONS, 2))


def _captions(lists: Path) -> dict[str, list[str]]:
    """Clip -> its English caption, from the captioned test lists; empty where the copy has none.

    Raises:
        FileNotFoundError: The copy has the captioned lists of some folds only.
    """
    if (captioned := find_or_none(lists, r"with[_-]caption.*")) is None:
        return {}
    found = {}
    for fold in FOLDS:
        path = find(captioned, f"set_{fold}", r"test\.txt")
        # gb18030 reads all of GBK.
        for number, line in read_lines(path, encoding="gb18030"):
            fields = line.split("\t")
            if len(fields) != 4:
                raise ValueError(f"{path}:{number}: a line must have 4 fields with tabs between, got {len(fields)}.")
            found[fields[0].removesuffix(".mp4")] = [fields[3].strip()]
    return found


def _caption_of_neutral(clip: str, name: str, captions: dict[str, list[str]]) -> list[str] | None:
    # Without any captioned list the neutral texts would be all there is to train on.
    return [neutral_caption(clip)] if name == "neutral" and captions else None


def _media_folder(root: Path) -> tuple[Path, str]:
    """Where all clips lie and how their names end: face frames where the copy has them, for on whole pictures models of faces fail.

    One place for all: what half an archive lacks is missing, and is not taken from the whole pictures.
    """
    base = root / "data" if (root / "data").is_dir() else root
    for folder in ("frames", "faces"):
        if (path := base / folder).is_dir() and any(entry.is_dir() for entry in path.iterdir()):
            return path, ""
    return base / "clips", ".mp4"


READER = Reader(
    name="mafw",
    title="MAFW",
    tasks={"single": MAFW_CLASS_NAMES, "compound": COMPOUND_NAMES},
    licence="academic, not commercial, no redistribution",
    access="agreement signed by a permanent academic, https://mafw-database.github.io/MAFW/",
    source="https://mafw-database.github.io/MAFW/",
    rows=rows,
    counts={"single": COUNTS, "compound": COMPOUND_COUNTS},
    notes=(overlaps.MAFW,),
)
