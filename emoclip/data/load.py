# SPDX-License-Identifier: Apache-2.0
"""Rows of a manifest as a `datasets.Dataset`, for one split or one fold; media stay on disk until a worker decodes them."""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from emoclip.data.manifest import Manifest, read_manifest


if TYPE_CHECKING:
    from datasets import Dataset


def load(manifest_path: str | Path, split: str | None = None, fold: int | None = None) -> "Dataset":
    """The manifest's rows with an absolute `file` column, in the manifest's order.

    Args:
        manifest_path: Parquet file; it and the clips it names are checked first.
        split: value of the `split` column; `None` takes all rows.
        fold: cross-validation instead of the fixed split: with `split="train"` the rows of all other folds, with `split="test"` or
            `None` those of this fold. Rows in no fold are left out.

    Raises:
        FileNotFoundError: if the manifest or a clip is not there.
        ValueError: if the manifest is malformed or has no such split or fold.
    """
    from datasets import Dataset

    manifest = read_manifest(manifest_path, checked_only=True)
    indices = _split_indices(manifest, split) if fold is None else _fold_indices(manifest, split, fold)
    files, root = _absolute(manifest), manifest.root.resolve()
    # What was read for the checks goes before `datasets` maps its own table, so that not both are held.
    del manifest
    pa.default_memory_pool().release_unused()
    rows = Dataset.from_parquet(str(manifest_path))
    # Named by what it depends on: left to itself `datasets` copies the whole column to hash it.
    state = hashlib.sha256(f"{rows._fingerprint}:{root}".encode()).hexdigest()[:16]
    rows = rows.add_column("file", files, new_fingerprint=state)
    return rows if indices is None else rows.select(indices)


def _absolute(manifest: Manifest) -> pa.Array:
    """The clips' paths, joined column by column: for a million rows Python's own would hold half a gigabyte."""
    root = str(manifest.root.resolve())
    joined = pc.binary_join_element_wise(pa.scalar(root), manifest.table["path"], os.sep)
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _split_indices(manifest: Manifest, split: str | None) -> np.ndarray | None:
    if split is None:
        return None
    splits = manifest.table["split"]
    chosen = pc.indices_nonzero(pc.equal(splits, split))
    if not len(chosen):
        present = ", ".join(sorted(splits.unique().drop_null().to_pylist())) or "no rows"
        raise ValueError(f"No split {split!r} in {manifest.path}; it has {present}.")
    return chosen.to_numpy().astype(np.int64)


def _fold_indices(manifest: Manifest, split: str | None, fold: int) -> np.ndarray:
    if split not in (None, "train", "test"):
        raise ValueError(f"With `fold`, `split` must be train, test or None, got {split!r}.")
    folds = manifest.table["test_fold"]
    present = sorted(folds.unique().drop_null().to_pylist())
    if fold not in present:
        raise ValueError(f"No fold {fold} in {manifest.path}; it has {', '.join(map(str, present)) or 'no folds'}.")
    # Rows in no fold are neither equal nor unequal to one.
    inside = pc.not_equal(folds, fold) if split == "train" else pc.equal(folds, fold)
    return pc.indices_nonzero(inside).to_numpy().astype(np.int64)
