# SPDX-License-Identifier: Apache-2.0
"""Opening the tables behind `emoclip.data.load`: manifests, shards on disk, data sets on the Hub."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from .manifest import Manifest
from .media import MEDIA_VALUES
from .shards import SHARD_FORMATS, ShardIndex


if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

    Rows: TypeAlias = Dataset | IterableDataset


def open_manifest(path: Path, files: pa.Array, root: Path) -> Dataset:
    """Return the rows of a manifest with the column `file`.

    Args:
        path: The manifest.
        files: Absolute path of each clip, see `absolute_paths`.
        root: What the paths are relative to.
    """
    from datasets import Dataset

    pa.default_memory_pool().release_unused()
    rows = Dataset.from_parquet(str(path))
    # Named by what it depends on: left to itself `datasets` copies the whole column to hash it.
    state = hashlib.sha256(f"{rows._fingerprint}:{root}".encode()).hexdigest()[:16]
    return rows.add_column("file", files, new_fingerprint=state)


def absolute_paths(manifest: Manifest) -> pa.Array:
    """The clips' paths, joined column by column: for a million rows Python's own would hold half a gigabyte."""
    root = str(manifest.root.resolve())
    joined = pc.binary_join_element_wise(pa.scalar(root), manifest.table["path"], os.sep)
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def open_shards(folder: Path, split: str | None, *, streaming: bool) -> Rows:
    """Return the rows of a set of shards, media undecoded.

    Raises:
        FileNotFoundError: The folder holds no complete set.
        ValueError: There is no such split.
    """
    index = ShardIndex.read(folder)
    if split is not None and split not in index.clips:
        raise ValueError(f"No split {split!r} in {folder}; it has {', '.join(index.clips)}.")
    suffix = SHARD_FORMATS[index.format]
    files = sorted(str(path) for path in (folder / "data").glob(f"{split or '*'}-?????-of-?????{suffix}"))
    from datasets import load_dataset

    rows = load_dataset(index.format, data_files={"all": files}, split="all", streaming=streaming)
    if index.format == "webdataset":
        return _untarred(rows)
    return undecoded(rows)


def open_hub(name: str, split: str | None, revision: str | None, *, streaming: bool) -> Rows:
    """Return the rows of a data set on the Hub, media undecoded; all splits one after the other for `None`."""
    from datasets import concatenate_datasets, load_dataset

    found = load_dataset(name, split=split, revision=revision, streaming=streaming)
    return undecoded(found if split else concatenate_datasets(list(found.values())))


def undecoded(rows: Rows) -> Rows:
    """Return the same rows with media as `{"bytes", "path"}`: decoding is ours, in the worker."""
    from datasets import Image, List, Video

    for name, feature in (rows.features or {}).items():
        if isinstance(feature, Image | Video):
            rows = rows.cast_column(name, type(feature)(decode=False))
        elif isinstance(feature, List) and isinstance(feature.feature, Image):
            rows = rows.cast_column(name, List(Image(decode=False)))
    return rows


def _untarred(rows: Rows) -> Rows:
    names = [name for name in (rows.column_names or []) if name not in ("__key__", "__url__", "json", *MEDIA_VALUES)]
    if names:
        raise ValueError(f"WebDataset shards must hold json, {', '.join(MEDIA_VALUES)}, got also {', '.join(names)}.")
    return rows.map(_from_tar, remove_columns=["__key__", "__url__", "json"])


def _from_tar(row: dict[str, Any]) -> dict[str, Any]:
    from .shard_media import unzip_frames

    media: dict[str, Any] = {name: row[name] for name in MEDIA_VALUES if row.get(name) is not None}
    if "frames" in media:
        media["frames"] = unzip_frames(media["frames"])
    return {**row["json"], **media}


__all__ = ["absolute_paths", "open_hub", "open_manifest", "open_shards", "undecoded"]
