# SPDX-License-Identifier: Apache-2.0
"""What is known of a data set as a whole, whatever form it has: a manifest, a folder of shards, a data set on the Hub."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.parquet as pq

from .manifest import fingerprint, read_manifest
from .shards import INDEX_NAME, ShardIndex


if TYPE_CHECKING:
    from datasets import Dataset


# What decides which clips there are and what is true of them, where no file stands for it.
_CONTENT = ("clip_id", "label", "labels", "split", "test_fold")


@dataclass(frozen=True)
class DataSource:
    """A data set as results name it.

    Args:
        class_names: In the order of `label`; empty where the source does not say them.
        dataset: Its name, such as `dfew`; of a stranger's data set on the Hub the id.
        licence: As the source says it, `unknown` where it does not.
        source: Where it comes from.
        notes: What a user of results must know.
        sha256: Of the manifest; shards carry that of the manifest that they were written from.
    """

    class_names: list[str]
    dataset: str
    licence: str
    source: str
    notes: tuple[str, ...]
    sha256: str


def describe_source(source: str | Path, rows: Dataset, revision: str | None = None) -> DataSource:
    """What is known of a data set.

    Args:
        source: As for `emoclip.data.load`.
        rows: What `load` returned for all of it.
        revision: As for `load`.

    Raises:
        FileNotFoundError: If there is no such source.
        ValueError: If the manifest or the index of the shards is damaged.
    """
    manifest = manifest_file(source)
    if manifest is not None:
        return _of_manifest(manifest)
    path = Path(source)
    if path.is_dir():
        return _of_shards(ShardIndex.read(path))
    name = path.as_posix()
    if (index := _hub_file(name, INDEX_NAME, revision)) is not None:
        return _of_shards(ShardIndex.read(index.parent))
    if (published := _hub_file(name, "manifest.parquet", revision)) is not None:
        return _of_published(published, rows)
    address = f"https://huggingface.co/datasets/{name}"
    return DataSource(_feature_names(rows), name, "unknown", address, (), _content_sha256(rows))


def manifest_file(source: str | Path) -> Path | None:
    """The Parquet file of a manifest, which may be named by its folder; None for shards and the Hub."""
    path = Path(source)
    if path.is_file() or path.suffix == ".parquet":
        return path
    inside = path / "manifest.parquet"
    return inside if inside.is_file() else None


def source_fingerprint(source: str | Path) -> str:
    """A text that changes with the data: the checksum of the manifest or of the shards' index, or the Hub's commit.

    Raises:
        FileNotFoundError: There is no such source.
    """
    path = Path(source)
    if path.is_dir():
        index = path / INDEX_NAME
        return fingerprint(index if index.is_file() else path / "manifest.parquet")
    if path.exists() or path.suffix == ".parquet":
        return fingerprint(path)
    from huggingface_hub import HfApi

    return hashlib.sha256(str(HfApi().dataset_info(path.as_posix()).sha).encode()).hexdigest()


def source_licence(source: str | Path) -> str:
    """The licence as the Hub spells it, `unknown` where the source does not say it."""
    path = Path(source)
    if path.is_dir() and manifest_file(path) is None:
        return ShardIndex.read(path).licence.lower()
    if path.exists():
        return read_manifest(manifest_file(path) or path, check_media=False).licence.lower()
    return "unknown"


class SourceTerms(NamedTuple):
    """What a card must say of data.

    Args:
        dataset: Its name.
        licence: As the source says it, `unknown` where it does not.
        source: Where it comes from.
    """

    dataset: str
    licence: str
    source: str


def source_terms(source: str | Path) -> SourceTerms:
    """Name, licence and origin of a data set; of one on the Hub its address."""
    path = Path(source)
    if not path.exists():
        return SourceTerms(path.as_posix(), "unknown", f"https://huggingface.co/datasets/{path.as_posix()}")
    manifest = manifest_file(path)
    found = _of_shards(ShardIndex.read(path)) if manifest is None else _of_manifest(manifest)
    return SourceTerms(found.dataset, found.licence, found.source)


def source_class_names(source: str | Path, rows: Dataset | None = None) -> list[str]:
    """The classes in the order of `label`, of a data set on the Hub those of its `rows`; none where nobody says them."""
    path = Path(source)
    if path.is_dir() and manifest_file(path) is None:
        return list(ShardIndex.read(path).class_names)
    if path.exists():
        return list(read_manifest(manifest_file(path) or path, check_media=False).class_names)
    return [] if rows is None else _feature_names(rows)


def _of_manifest(path: Path) -> DataSource:
    found = read_manifest(path, check_media=False, checked_only=True)
    return DataSource(found.class_names, found.dataset, found.licence, found.source, found.notes, fingerprint(path))


def _of_shards(index: ShardIndex) -> DataSource:
    return DataSource(
        list(index.class_names), index.dataset, index.licence, index.source, tuple(index.notes), index.manifest
    )


def _of_published(path: Path, rows: Dataset) -> DataSource:
    """Of a manifest that was put on the Hub with its media; labels lie in the tables beside it."""
    about = {key.decode(): value.decode() for key, value in (pq.read_schema(path).metadata or {}).items()}
    names = json.loads(about.get("class_names", "[]")) or _feature_names(rows)
    facts = [about.get(key, "unknown") for key in ("dataset", "licence", "source")]
    return DataSource(
        names, facts[0], facts[1], facts[2], tuple(json.loads(about.get("notes", "[]"))), fingerprint(path)
    )


def _hub_file(name: str, file: str, revision: str | None) -> Path | None:
    """A file of a repository, from the cache where only that may be asked; None where there is none."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return Path(hf_hub_download(name, file, repo_type="dataset", revision=revision))
    except EntryNotFoundError:
        return None


def _feature_names(rows: Dataset) -> list[str]:
    feature: Any = rows.features.get("label")
    return list(getattr(feature, "names", None) or [])


def _content_sha256(rows: Dataset) -> str:
    digest = hashlib.sha256()
    for name in _CONTENT:
        if name in rows.column_names:
            digest.update(json.dumps([name, list(rows[name])]).encode())
    return digest.hexdigest()


__all__ = [
    "DataSource",
    "SourceTerms",
    "describe_source",
    "manifest_file",
    "source_class_names",
    "source_fingerprint",
    "source_licence",
    "source_terms",
]
