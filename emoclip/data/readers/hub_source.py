# SPDX-License-Identifier: Apache-2.0
"""Opening a data set with `datasets`: which column is the medium, which the class, which the caption. Media stay undecoded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub.constants import HF_HUB_CACHE

from emoclip.console import require

from .layout import media_of
from .reader import Row
from .unpacking import Unpacker


if TYPE_CHECKING:
    from datasets import Dataset, Features

_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")
CAPTIONS = ("captions", "caption", "text")
# Columns of ours, taken over as they are where their kind fits; other columns of strangers' tables are not ours to interpret.
_KEPT = {"subject_id": str, "test_fold": int, "num_frames": int, "fps": float, "boxes": list}


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    Args:
        media: Column of the medium.
        kind: `video`, `image` or `frames`.
        label, captions: Columns, if there are such.
        others: Columns called `video`, `image` or `frames` that hold the medium of rows where `media` has none, as shards of a
            set of videos and stills do.
    """

    media: str
    kind: str
    label: str | None
    captions: str | None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """An opened data set: its splits, columns and classes, and where it comes from, revision included."""

    title: str
    address: str
    licence: str
    folder: Path | None
    splits: dict[str, Dataset]
    columns: Columns
    class_names: tuple[str, ...]

    @property
    def identity(self) -> str:
        """Text that changes with the content, so that media of two versions are not mixed."""
        rows = {split: [len(rows), rows._fingerprint] for split, rows in self.splits.items()}
        return json.dumps({"source": self.address, "splits": rows}, indent=1)


def open_source(root: Path, configuration: str | None, revision: str | None) -> Source:
    """Return a data set of the Hub, downloaded, or of a local folder.

    Raises:
        FileNotFoundError: There is no such data set, or it is not open to this user.
        ValueError: It cannot be opened, or lacks a column.
    """
    folder = root if root.is_dir() else None
    if folder is not None and revision is not None:
        raise ValueError(f"`--revision` is for repositories on the Hub, got {revision!r} for the folder {root}.")
    if folder is None and not _REPOSITORY.fullmatch(root.as_posix()):
        raise FileNotFoundError(f"`--root` must be user/name on the Hub or a folder, got {root}, which is neither.")
    licence, commit = ("your own", None) if folder is not None else _facts(root.as_posix(), revision)
    splits = _load(str(folder.resolve()) if folder is not None else root.as_posix(), configuration, commit or revision)
    some = next(iter(splits.values()))
    columns = find_columns(some.features, str(root))
    splits = {split: _undecoded(rows, columns) for split, rows in splits.items()}
    names = _class_names(splits, columns)
    from datasets import config

    page = f"{config.HF_ENDPOINT}/datasets/{root.as_posix()}"
    address = str(root) if folder is not None else f"{page}/tree/{commit or revision or 'main'}"
    return Source(root.as_posix(), address, licence, folder and folder.resolve(), splits, columns, names)


def _facts(repository: str, revision: str | None) -> tuple[str, str | None]:
    """Licence and commit of a repository; both unknown where only the cache may be asked."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        info = HfApi().dataset_info(repository, revision=revision)
    except OfflineModeIsEnabled:
        return "that of the data set", None
    except RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"There is no data set {repository!r} on the Hub that you can see, nor a folder of that name here; if it is private or "
            "gated, ask for access on its page and run: hf auth login."
        ) from error
    licence = getattr(info.card_data, "license", None)
    return ", ".join(licence) if isinstance(licence, list) else licence or "not stated on the Hub", info.sha


def _load(name: str, configuration: str | None, revision: str | None) -> dict[str, Dataset]:
    datasets = require("datasets", "data")
    try:
        return dict(datasets.load_dataset(name, configuration, revision=revision))
    except ValueError as error:
        if "Config name is missing" in str(error) or "BuilderConfig" in str(error):
            raise ValueError(f"`--task` must name a configuration of {name}: {error}") from error
        raise
    except (RuntimeError, datasets.exceptions.DatasetGenerationError) as error:
        # Old data sets that are programs, and tables that do not fit together.
        cause = error.__cause__ or error
        raise ValueError(f"{name} must be a data set that `datasets.load_dataset` opens: {cause}") from error


def find_columns(features: Features, name: str) -> Columns:
    """Return which columns are medium, class and caption.

    Raises:
        ValueError: There is no medium or more than one, neither class nor caption, or classes without names.
    """
    datasets = require("datasets", "data")
    kinds = {column: kind for column, feature in features.items() if (kind := _kind(column, feature))}
    # A video before a still of the same clip, its thumbnail.
    best = next((kind for kind in ("video", "frames", "image") if kind in kinds.values()), None)
    found = [column for column, kind in kinds.items() if kind == best]
    there = ", ".join(f"{column} ({_told(feature)})" for column, feature in features.items())
    if best is None:
        raise ValueError(f"A data set must have a column of videos or images, {name} has {there}.")
    media = best if best in found else found[0]
    if len(found) > 1 and best not in found:
        raise ValueError(
            f"Of several columns of media one must be named `{best}`, {name} has {', '.join(found)}; rename the one you mean."
        )
    classes = [column for column, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    label = "label" if "label" in features else classes[0] if len(classes) == 1 else None
    captions = next((column for column in CAPTIONS if column in features), None)
    if label is None and captions is None:
        raise ValueError(
            f"A data set must have `label` or one of {', '.join(CAPTIONS)}, {name} has {there}; rename the column you mean."
        )
    if label is not None and label not in classes and not _is_text(features[label]):
        raise ValueError(
            f"`{label}` must be a ClassLabel or text, so that classes have names, {name} has {_told(features[label])}; cast it to "
            "datasets.ClassLabel(names=[...])."
        )
    others = tuple(column for column, kind in kinds.items() if column == kind and column != media)
    return Columns(media, best, label, captions, others if media == best else ())


def _kind(column: str, feature: Any) -> str | None:
    datasets = require("datasets", "data")
    if isinstance(feature, datasets.Video):
        return "video"
    if isinstance(feature, datasets.Image):
        return "image"
    if isinstance(feature, datasets.List) and isinstance(feature.feature, datasets.Image):
        return "frames"
    # Tables written without `datasets`: bytes, with or without the name of the file.
    if column in ("video", "image") and (
        (isinstance(feature, dict) and "bytes" in feature)
        or getattr(feature, "dtype", None) in ("binary", "large_binary")
    ):
        return column
    return None


def _told(feature: Any) -> str:
    return str(getattr(feature, "dtype", None) or type(feature).__name__)


def _is_text(feature: Any) -> bool:
    return getattr(feature, "dtype", None) in ("string", "large_string")


def _undecoded(rows: Dataset, columns: Columns) -> Dataset:
    """Bytes and paths instead of pictures: decoding is for those who look at them, and needs packages besides."""
    import datasets

    features = {
        "video": datasets.Video(decode=False),
        "image": datasets.Image(decode=False),
        "frames": datasets.List(datasets.Image(decode=False)),
    }
    for name in columns.others:
        rows = rows.cast_column(name, features[name])
    kept = (columns.media, *columns.others)
    others = [name for name in rows.column_names if _kind(name, rows.features[name]) and name not in kept]
    return rows.remove_columns(others).cast_column(columns.media, features[columns.kind])


def _class_names(splits: dict[str, Dataset], columns: Columns) -> tuple[str, ...]:
    if columns.label is None:
        return ()
    feature = next(iter(splits.values())).features[columns.label]
    if hasattr(feature, "names"):
        return tuple(feature.names)
    words = {word for rows in splits.values() for word in rows.unique(columns.label)}
    return tuple(sorted(word for word in words if word))


def rows_of(source: Source, media_folder: Path) -> Iterator[Row]:
    """Yield a manifest row for every row of every split, one at a time, its media unpacked."""
    from datasets import config

    caches = [Path(config.HF_CACHE_HOME), Path(config.HF_DATASETS_CACHE), Path(HF_HUB_CACHE)]
    unpacker = Unpacker(media_folder, source.identity, local=source.folder, caches=caches)
    for split, rows in source.splits.items():
        for number, content in enumerate(rows):
            medium, kind = _medium(content, source.columns)
            place, inside = unpacker.unpack(medium, kind, split, number)
            facts = {key: content[key] for key, kind in _KEPT.items() if isinstance(content.get(key), kind)}
            yield {
                **facts,
                **media_of(place),
                "media": kind,
                "clip_id": str(content.get("clip_id") or inside),
                **_meaning(content, source),
                "split": split,
                "listed": f"{split}, row {number}",
            }


def _medium(content: dict[str, Any], columns: Columns) -> tuple[Any, str]:
    """The medium of a row and its kind."""
    if not content[columns.media]:
        for name in columns.others:
            if content[name]:
                return content[name], name
    return content[columns.media], columns.kind


def _meaning(content: dict[str, Any], source: Source) -> Row:
    """Class and captions of a row; neither is a test set that keeps its answers to itself."""
    columns, names = source.columns, source.class_names
    label = content[columns.label] if columns.label else None
    if isinstance(label, str):
        label = names.index(label) if label else None
    texts = content[columns.captions] if columns.captions else None
    texts = [texts] if isinstance(texts, str) else texts
    several = content.get("labels")
    fits = isinstance(several, list) and all(isinstance(one, int) and 0 <= one < len(names) for one in several)
    return {
        "label": None if label is None or label < 0 else label,
        "captions": [text for text in texts if text] or None if texts else None,
        "labels": several if fits else None,
    }


__all__ = ["Columns", "Source", "find_columns", "open_source", "rows_of"]
