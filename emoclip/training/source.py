# SPDX-License-Identifier: Apache-2.0
"""What a run notes about its data, whatever form they have: a manifest, a folder of shards, a data set on the Hub."""

import hashlib
from pathlib import Path

from emoclip.data.manifest import fingerprint, read_manifest
from emoclip.data.shards import INDEX_NAME, ShardIndex
from emoclip.training.config import DataConfig


def run_fingerprint(config: DataConfig) -> str:
    """A text that changes with the data of a run; of one source alone its own."""
    prints = [source_fingerprint(source) for source in (config.manifest, *config.mix)]
    return prints[0] if len(prints) == 1 else hashlib.sha256(" ".join(prints).encode()).hexdigest()


def source_fingerprint(source: str | Path) -> str:
    """A text that changes with the data: the checksum of the manifest or of the shards' index, or the Hub's commit.

    Raises:
        FileNotFoundError: there is no such source.
    """
    path = Path(source)
    if path.is_dir():
        index = path / INDEX_NAME
        return fingerprint(index if index.is_file() else path / "manifest.parquet")
    if path.exists() or path.suffix == ".parquet":
        return fingerprint(path)
    from huggingface_hub import HfApi

    return hashlib.sha256(str(HfApi().dataset_info(str(source)).sha).encode()).hexdigest()


def source_licence(source: str | Path) -> str:
    """The licence as the Hub spells it, `unknown` where the source does not say it."""
    path = Path(source)
    if path.is_dir() and not (path / "manifest.parquet").is_file():
        return ShardIndex.read(path).licence.lower()
    if path.exists():
        return read_manifest(path / "manifest.parquet" if path.is_dir() else path, check_media=False).licence.lower()
    return "unknown"


def source_class_names(source: str | Path) -> list[str]:
    """The classes in the order of `label`; none where the source does not say them."""
    path = Path(source)
    if path.is_dir() and not (path / "manifest.parquet").is_file():
        return list(ShardIndex.read(path).class_names)
    if path.exists():
        manifest = path / "manifest.parquet" if path.is_dir() else path
        return list(read_manifest(manifest, check_media=False).class_names)
    return []


__all__ = ["run_fingerprint", "source_class_names", "source_fingerprint", "source_licence"]
