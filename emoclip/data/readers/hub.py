# SPDX-License-Identifier: Apache-2.0
"""Data sets on the Hub, and local folders that `datasets.load_dataset` opens: a column of videos or stills, classes or captions.

    video, image or a list of images (whatever its name)    label: ClassLabel or words    caption, captions or text: words

Splits are those of the data set. `clip_id`, `subject_id` and `test_fold` are taken over where there are such columns. Media that
come inside tables are unpacked beside the manifest; files that are on disk already are named where they lie.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .hub_source import open_source, rows_of
from .reader import Publication, Reader


def reader_of(root: Path, configuration: str | None, revision: str | None, media_folder: Path | None) -> Reader:
    """Return the reader of a data set on the Hub or in a folder; its classes are those of its `label` column.

    Raises:
        FileNotFoundError: There is no such data set, or it is not open to this user.
        ValueError: It has no column of media, or neither labels nor captions; says which columns there are.
    """
    if media_folder is None:
        raise ValueError("`media_folder` must say where the media are unpacked, got None.")
    source = open_source(root, configuration, revision)
    return replace(
        READER,
        title=source.title,
        tasks={configuration or "default": source.class_names},
        licence=source.licence,
        source=source.address,
        rows=lambda *_: rows_of(source, media_folder),
    )


READER = Reader(
    name="hub",
    title="data set on the Hub",
    tasks={"default": ()},
    licence="that of the data set",
    access="https://huggingface.co/datasets, or a folder that datasets.load_dataset opens",
    source="https://huggingface.co/datasets",
    rows=lambda root, task: iter(()),
    publication=Publication(reason="it is published already where it comes from"),
)
