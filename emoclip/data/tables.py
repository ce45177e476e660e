# SPDX-License-Identifier: Apache-2.0
"""Opening the tables behind `emoclip.data.load` beside manifests: shards on disk, data sets on the Hub."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .media_columns import MEDIA_VALUES
from .shards import SHARD_FORMATS, ShardIndex


if TYPE_CHECKING:
    from datasets import Dataset, Features, IterableDataset

    Rows: TypeAlias = Dataset | IterableDataset


def open_shards(folder: Path, split: str | None, *, streaming: bool) -> Rows:
    """Return the rows of a set of shards, media undecoded.

    Raises:
        FileNotFoundError: The folder holds no complete set.
        ValueError: There is no such split, or the shards are not those of one cut.
    """
    index = ShardIndex.read(folder)
    if split is not None and split not in index.clips:
        raise ValueError(f"No split {split!r} in {folder}; it has {', '.join(index.clips)}.")
    suffix = SHARD_FORMATS[index.format]
    files = sorted(str(path) for path in (folder / "data").glob(f"{split or '*'}-?????-of-?????{suffix}"))
    _check_one_cut(folder, files)
    from datasets import load_dataset

    features = _tar_features(index) if index.format == "webdataset" else None
    rows = load_dataset(
        index.format, data_files={"shards": files}, split="shards", streaming=streaming, features=features
    )
    return undecoded(rows) if features is None else _untarred(rows, index)


def _check_one_cut(folder: Path, files: list[str]) -> None:
    """Refuse shards of two cuts, in which clips stand twice, and a set that lacks one of its own."""
    totals: dict[str, list[int]] = {}
    for file in files:
        name, _, total = Path(file).stem.rpartition("-of-")
        totals.setdefault(name.rpartition("-")[0], []).append(int(total))
    for split, found in totals.items():
        if set(found) != {len(found)}:
            raise ValueError(
                f"{folder / 'data'} must hold all shards of one cut, of {split} it holds {len(found)} named as of "
                f"{' and '.join(map(str, sorted(set(found))))}; write the set again into a new folder."
            )


def open_hub(name: str, split: str | None, revision: str | None, *, streaming: bool) -> Rows:
    """Return the rows of a data set on the Hub, media undecoded; all splits one after the other for `None`, told by `split`."""
    from datasets import concatenate_datasets, load_dataset

    found = load_dataset(name, split=split, revision=revision, streaming=streaming)
    if split:
        return undecoded(found)
    if not streaming:
        found = {
            one: part if "split" in part.column_names else part.add_column("split", [one] * len(part))
            for one, part in found.items()
        }
    return undecoded(concatenate_datasets(list(found.values())))


def undecoded(rows: Rows) -> Rows:
    """Return the same rows with media as `{"bytes", "path"}`: decoding is ours, in the worker."""
    for name, feature in (rows.features or {}).items():
        if _as_stored(feature) is not feature:
            rows = rows.cast_column(name, _as_stored(feature))
    return rows


def _as_stored(feature: Any) -> Any:
    """The same feature without decoding; itself if it never decodes."""
    from datasets import Image, List, Video

    if isinstance(feature, Image | Video):
        return type(feature)(decode=False)
    if isinstance(feature, List) and isinstance(feature.feature, Image):
        return List(Image(decode=False))
    return feature


def _tar_features(index: ShardIndex) -> Features:
    """Types of what lies in the tar files; guessed from a few clips, what is null there would have none."""
    from datasets import Features, Value

    columns = Features.from_dict(index.features)
    media = {name: Value("binary") for name in MEDIA_VALUES if name in columns}
    about = {name: feature for name, feature in columns.items() if name not in media}
    return Features({"__key__": Value("string"), "__url__": Value("string"), "json": about, **media})


def _untarred(rows: Rows, index: ShardIndex) -> Rows:
    from datasets import Features

    wanted = Features.from_dict(index.features)
    features = Features({name: _as_stored(feature) for name, feature in wanted.items()})
    return rows.map(
        partial(_from_tar, names=list(features)), remove_columns=["__key__", "__url__", "json"], features=features
    )


def _from_tar(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    from .shard_media import unzip_frames

    found = dict(row["json"])
    for name in MEDIA_VALUES:
        if row.get(name) is not None:
            found[name] = unzip_frames(row[name]) if name == "frames" else {"bytes": row[name], "path": None}
    return {name: found.get(name) for name in names}


__all__ = ["open_hub", "open_shards", "undecoded"]
