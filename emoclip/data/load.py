# SPDX-License-Identifier: Apache-2.0
"""Rows of a manifest as a `datasets.Dataset`, for one split or one fold; media stay on disk until a worker decodes them."""

from pathlib import Path
from typing import TYPE_CHECKING

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

    manifest = read_manifest(manifest_path)
    indices = _split_indices(manifest, split) if fold is None else _fold_indices(manifest, split, fold)
    rows = Dataset.from_parquet(str(manifest.path))
    if len(indices) < len(rows):
        rows = rows.select(indices)
    root = manifest.root.resolve()
    return rows.add_column("file", [str(root / name) for name in rows["path"]])


def _split_indices(manifest: Manifest, split: str | None) -> list[int]:
    splits = manifest.table["split"].to_pylist()
    if split is None:
        return list(range(len(splits)))
    if split not in splits:
        present = ", ".join(sorted(set(splits))) or "no rows"
        raise ValueError(f"No split {split!r} in {manifest.path}; it has {present}.")
    return [index for index, value in enumerate(splits) if value == split]


def _fold_indices(manifest: Manifest, split: str | None, fold: int) -> list[int]:
    if split not in (None, "train", "test"):
        raise ValueError(f"With `fold`, `split` must be train, test or None, got {split!r}.")
    folds = manifest.table["test_fold"].to_pylist()
    present = sorted({value for value in folds if value is not None})
    if fold not in present:
        raise ValueError(f"No fold {fold} in {manifest.path}; it has {', '.join(map(str, present)) or 'no folds'}.")
    if split == "train":
        return [index for index, value in enumerate(folds) if value is not None and value != fold]
    return [index for index, value in enumerate(folds) if value == fold]
