# SPDX-License-Identifier: Apache-2.0
"""Sets of shards: the rows of a manifest and their media together in a few large files, for network storage and the Hub.

    data/train-00000-of-00012.parquet     the manifest's columns, and the media as bytes in `video`, `image` or `frames`
    data/train-00000-of-00012.tar         or WebDataset: <number>.json with the columns, and the media beside it
    shards.json                           what was written from what; written last

Media of the Parquet form are columns that `datasets` and the Hub's viewer know. Clips come in an order drawn once, so that reading
shard by shard already mixes classes and films.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .media_columns import MEDIA_VALUES
from .output import replacing


if TYPE_CHECKING:
    from datasets import Features


SHARD_FORMATS = {"parquet": ".parquet", "webdataset": ".tar"}
INDEX_NAME = "shards.json"
# Columns of a manifest that say where the media lie, which is now here.
_PLACES = ("start_frame", "end_frame", "frame_name", "sha256")


@dataclass(frozen=True)
class Shard:
    """One file of a set: its name below the set's folder, its split and the rows of the manifest it holds."""

    name: str
    split: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class ShardIndex:
    """What `shards.json` says.

    Args:
        manifest: SHA-256 of the manifest that was written from.
        shard_bytes, seed: What the cut and the order depend on.
        format: A key of `SHARD_FORMATS`.
        class_names, dataset, licence, source, notes: Of the manifest.
        features: Of the columns, as `datasets.Features.to_dict` gives them; tar files do not carry their own.
        clips: Split -> how many clips the shards hold.
        missing: Clips that the data set lists and the manifest has not, because their media were not there.
        unreadable: Clips of the manifest that are in no shard, because they could not be read.
    """

    manifest: str
    shard_bytes: int
    seed: int
    format: str
    class_names: list[str]
    dataset: str
    licence: str
    source: str
    notes: list[str]
    features: dict[str, Any]
    clips: dict[str, int]
    missing: int = 0
    unreadable: int = 0

    def write(self, folder: Path) -> None:
        """Write the index under its name when it is complete."""
        with replacing(folder / INDEX_NAME) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> ShardIndex:
        """Read the index of a set.

        Raises:
            FileNotFoundError: There is none, because the set is not complete or is none.
            ValueError: It is damaged.
        """
        path = folder / INDEX_NAME
        if not path.is_file():
            raise FileNotFoundError(
                f"A set of shards must hold {INDEX_NAME}, {folder} has none; was data_scripts/shard.py stopped? Run it again."
            )
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, TypeError) as error:
            raise ValueError(f"{path} is damaged ({error}); write the shards again.") from error


def plan_shards(
    splits: Sequence[str], sizes: Sequence[int], *, shard_bytes: int, seed: int, suffix: str
) -> list[Shard]:
    """Cut the rows of each split, in an order drawn from the seed, into shards of about as many bytes.

    Args:
        splits: Of each row.
        sizes: Bytes of the media of each row.
        shard_bytes: A shard is closed before it would grow beyond this; a larger clip has a shard of its own.
        seed: Of the order.
        suffix: Of the files.
    """
    shards = []
    for split in sorted(set(splits)):
        rows = [row for row, name in enumerate(splits) if name == split]
        rows.sort(key=lambda row: hashlib.blake2b(f"{seed}/{row}".encode(), digest_size=8).digest())
        parts: list[list[int]] = [[]]
        filled = 0
        for row in rows:
            if parts[-1] and filled + sizes[row] > shard_bytes:
                parts.append([])
                filled = 0
            parts[-1].append(row)
            filled += sizes[row]
        shards += [
            Shard(f"data/{split}-{number:05}-of-{len(parts):05}{suffix}", split, tuple(part))
            for number, part in enumerate(parts)
        ]
    return shards


def shard_features(columns: pa.Schema, class_names: list[str], media: Sequence[str]) -> Features:
    """Return the features of Parquet shards: the manifest's columns, classes by name, and a column for each kind of media.

    Args:
        columns: Of the manifest's rows, see `row_columns`.
        class_names: In the order of the label ids.
        media: Columns of `MEDIA_VALUES` that are needed.
    """
    from datasets import ClassLabel, Features, Image, List, Video

    features = Features.from_arrow_schema(columns.remove_metadata())
    if class_names:
        features["label"] = ClassLabel(names=class_names)
        features["labels"] = List(ClassLabel(names=class_names))
    kinds = {"video": Video(), "image": Image(), "frames": List(Image())}
    return Features({**features, **{name: kinds[name] for name in media}})


def row_columns(names: Sequence[str]) -> list[str]:
    """Return the columns of a manifest that go into shards."""
    return [name for name in names if name not in (*_PLACES, *MEDIA_VALUES)]


def media_value(row: Mapping[str, Any]) -> str:
    """Return the column that holds the media of a row: a stretch of a film becomes frames."""
    if row["media"] == "frames" or row.get("start_frame") is not None:
        return "frames"
    return row["media"]


__all__ = ["SHARD_FORMATS", "Shard", "ShardIndex", "media_value", "plan_shards", "row_columns", "shard_features"]
