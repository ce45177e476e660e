# SPDX-License-Identifier: Apache-2.0
"""Readers: from the official download of a data set to manifest rows, one short file each."""

from pathlib import Path

from . import afew, affectnet, caer, crema_d, dfew, ferplus, ferv39k, folder, mafw, meld, rafdb, ravdess
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
        ravdess.READER,
        crema_d.READER,
        folder.READER,
    )
}


def get_reader(name: str, root: Path) -> Reader:
    """Return the reader of a data set.

    Raises:
        FileNotFoundError: `folder` finds no clips at the root.
        ValueError: There is no such data set.
    """
    if name not in READERS:
        raise ValueError(f"`--dataset` must be one of {', '.join(READERS)}, got {name!r}.")
    return folder.reader_of(root) if name == "folder" else READERS[name]


__all__ = ["READERS", "Reader", "get_reader"]
