# SPDX-License-Identifier: Apache-2.0
"""The table beside one's own clips, in the three forms that `videofolder` of `datasets` takes: CSV, JSON lines, Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from . import lists


TABLES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def read_table(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number and content of every row; of CSV and JSON lines the number of the line, of Parquet of the row, from 1.

    Raises:
        ValueError: The table is of another kind, cannot be read, lacks `file_name` or names a file twice.
    """
    if path.suffix not in _READ:
        raise ValueError(f"A table must end in {', '.join(_READ)}, got {path}; save it as one of them.")
    read = _READ[path.suffix]
    first: dict[str, int] = {}
    for number, line in read(path):
        name = str(line.get("file_name") or "").strip()
        # `./a.mp4` is `a.mp4`.
        earlier = first.setdefault(str(PurePosixPath(name)), number) if name else number
        if earlier != number:
            raise ValueError(
                f"{path}:{number}: every file must be listed once, {name!r} is in row {earlier} too; remove one of the two."
            )
        yield number, line


def _read_csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    yield from lists.read_table(path, ["file_name"])


def _read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in lists.read_lines(path):
        try:
            content = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}:{number}: a line must be a JSON object ({error.msg}).") from error
        if not isinstance(content, dict):
            raise ValueError(f"{path}:{number}: a line must be a JSON object, got {line[:60]!r}.")
        yield number, content


def _read_parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} must be a Parquet file, it is none or is damaged ({error}).") from error
    with file:
        if "file_name" not in file.schema_arrow.names:
            raise ValueError(f"{path} must have the column `file_name`, got {', '.join(file.schema_arrow.names)}.")
        names = _class_names(file.schema_arrow)
        lines = (line for batch in file.iter_batches() for line in batch.to_pylist())
        for number, line in enumerate(lines, start=1):
            if names and line.get("label") is not None:
                line["label"] = names[line["label"]] if line["label"] >= 0 else None
            # Class ids in an order of their own, which is not the order of the classes found here.
            yield number, {key: value for key, value in line.items() if key != "labels"}


def _class_names(schema: pa.Schema) -> list[str]:
    """Names of the classes where `datasets` wrote `label` as numbers; empty for words."""
    info = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    label = info.get("info", {}).get("features", {}).get("label", {})
    return label.get("names", []) if label.get("_type") == "ClassLabel" else []


_READ = {".csv": _read_csv, ".jsonl": _read_json_lines, ".parquet": _read_parquet}


__all__ = ["TABLES", "read_table"]
