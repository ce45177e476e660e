# SPDX-License-Identifier: Apache-2.0
"""MAFW (Liu et al., ACM MM 2022): film clips with 11 emotions, 32 combinations of them, and captions.

    [data/]frames/<clip>/*  or  [data/]clips/<clip>.mp4
    Train & Test Set/{single,compound}/{no_caption,with_caption}/set_{1..5}/{train,test}.txt

Captioned lists are in GBK, tab-separated: clip, label, Chinese, English. Copies rename the folder of the lists. 176 clips of the
single lists are in no compound list, and so in no compound manifest.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
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
LATIN = re.compile("[A-Za-z]")
CHINESE = re.compile("[\u3400-\u9fff]")
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
# Of the compound folds only sums are known, and the neutral clips, by which captioned lists are shorter; of the single classes in all of them, fear, contempt, helplessness and disappointment
# are known together alone.
COMPOUND_COUNTS = {
    **{
        f"fold {fold}": {"": size, "neutral": neutral}
        for fold, size, neutral in zip(FOLDS, (1818, 1809, 1798, 1788, 1783), (228, 228, 228, 227, 227), strict=True)
    },
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
    lists = find(root, LISTS, task, name="the folder `Train & Test Set` (copies may spell it otherwise)")
    captions = _captions(lists)
    has_captions, left = bool(captions), dict(captions)
    folder, suffix = _media_folder(root)
    for fold in FOLDS:
        path = find(lists, r"no[_-]caption.*", f"set_{fold}", r"test\.txt")
        for number, line in read_lines(path):
            fields = line.split()
            if len(fields) != 2:
                raise ValueError(f"{path}:{number}: a line must be `clip label`, got {line!r}.")
            clip = fields[0].removesuffix(".mp4")
            label = class_id(fields[1], names, f"{path}:{number}")
            caption = captions.get(clip)
            left.pop(clip, None)
            if has_captions:
                _check_caption(caption, clip, label, names, f"{path}:{number}")
            components = MAFW_COMPOUND_CLASSES[names[label]]
            yield {
                "clip_id": clip,
                "listed": listed(path, number),
                **media_of(folder / f"{clip}{suffix}"),
                "label": label,
                "labels": [MAFW_CLASS_NAMES.index(component) for component in components],
                "captions": _texts(caption, clip, names[label]) if has_captions else None,
                "split": "all",
                "test_fold": fold,
            }
    for clip, caption in left.items():
        raise ValueError(
            f"{caption.place}: every clip with a caption must be in a list without captions, {clip} is in none."
        )


def neutral_caption(clip_id: str, seed: int = 0) -> str:
    """Return the caption of a neutral clip, which MAFW leaves without: two distinct texts of five, joined by a space.

    Source: EmoCLIP, section III-C. The paper does not say whether they are drawn again; here they are fixed for each clip.
    """
    return " ".join(random.Random(f"{seed}:{clip_id}").sample(NEUTRAL_CAPTIONS, 2))


@dataclass(frozen=True)
class _Caption:
    """A row of a captioned list, and where it stands."""

    word: str
    text: str
    place: str


def _captions(lists: Path) -> dict[str, _Caption]:
    """Clip -> its label and English caption, from the captioned test lists; empty where the copy has none.

    Raises:
        FileNotFoundError: The copy has the captioned lists of some folds only.
        ValueError: A row is malformed, holds no English text, or is the second of its clip; names file and row.
    """
    if (captioned := find_or_none(lists, r"with[_-]caption.*")) is None:
        return {}
    found: dict[str, _Caption] = {}
    for fold in FOLDS:
        path = find(captioned, f"set_{fold}", r"test\.txt")
        # gb18030 reads all of GBK.
        for number, line in read_lines(path, encoding="gb18030"):
            fields = line.split("\t")
            if len(fields) != 4:
                raise ValueError(f"{path}:{number}: a line must have 4 fields with tabs between, got {len(fields)}.")
            clip, place, text = fields[0].removesuffix(".mp4"), f"{path}:{number}", fields[3].strip()
            if clip in found:
                raise ValueError(f"{place}: a clip must have one caption, {clip} has one in {found[clip].place} too.")
            # A word of Chinese may be meant.
            if len(CHINESE.findall(text)) >= len(LATIN.findall(text)):
                raise ValueError(
                    f"{place}: the fourth field must be the English caption, got {text!r}; were columns moved?"
                )
            found[clip] = _Caption(fields[1], text, place)
    return found


def _check_caption(caption: _Caption | None, clip: str, label: int, names: tuple[str, ...], place: str) -> None:
    """Refuse what makes captioned and plain lists two editions, or one of them half a list."""
    if caption is None:
        if names[label] != "neutral":
            raise ValueError(
                f"{place}: every clip that is not neutral must have a caption, {clip} is in no captioned list."
            )
    elif class_id(caption.word, names, caption.place) != label:
        raise ValueError(
            f"{caption.place}: the label must be that of the list without captions, {names[label]!r} in {place}, got "
            f"{caption.word!r}."
        )


def _texts(caption: _Caption | None, clip: str, name: str) -> list[str] | None:
    # Only where there are captioned lists, or the neutral texts would be all there is to train on.
    if caption is not None:
        return [caption.text]
    return [neutral_caption(clip)] if name == "neutral" else None


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
