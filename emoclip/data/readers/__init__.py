# SPDX-License-Identifier: Apache-2.0
"""Readers: from the official download of a data set to manifest rows, one short file each."""

from pathlib import Path

from . import (
    afew,
    affectnet,
    bold,
    caer,
    crema_d,
    dfew,
    emotic,
    ferplus,
    ferv39k,
    folder,
    hub,
    liris_accede,
    mafw,
    meld,
    moviegraphs,
    ness,
    rafdb,
    ravdess,
)
from .reader import Reader


READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        mafw.READER,
        dfew.READER,
        ferv39k.READER,
        afew.READER,
        caer.READER,
        caer.STILLS,
        rafdb.READER,
        affectnet.READER,
        ferplus.READER,
        meld.READER,
        bold.READER,
        emotic.READER,
        moviegraphs.READER,
        liris_accede.READER,
        ravdess.READER,
        crema_d.READER,
        ness.READER,
        folder.READER,
        hub.READER,
    )
}


def get_reader(
    name: str,
    root: Path,
    *,
    task: str | None = None,
    revision: str | None = None,
    media_folder: Path | None = None,
) -> Reader:
    """Return the reader of a data set.

    Args:
        name: A key of `READERS`.
        root: Folder of the download, or the name of a repository on the Hub.
        task, revision: Configuration and revision of a repository on the Hub; otherwise a revision means nothing.
        media_folder: Where media are unpacked that come inside tables, as those of the Hub and of FERPlus.

    Raises:
        FileNotFoundError: An open form, such as `folder`, finds nothing at the root.
        ValueError: There is no such data set.
    """
    if name not in READERS:
        raise ValueError(f"`--dataset` must be one of {', '.join(READERS)}, got {name!r}.")
    if name == hub.READER.name:
        return hub.reader_of(root, task, revision, media_folder)
    if revision is not None:
        raise ValueError(f"`--revision` is for `--dataset hub`, got {revision!r} for {name}.")
    # Their classes, or where their media lie, are known when one has looked.
    looked_at = {
        "folder": lambda: folder.reader_of(root),
        "ness": lambda: ness.reader_of(root),
        "ferplus": lambda: ferplus.reader_of(root, media_folder),
    }
    return looked_at[name]() if name in looked_at else READERS[name]


__all__ = ["READERS", "Reader", "get_reader"]
