# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole or not at all, and never over another one unless asked."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


TABLE_ENDINGS = (".csv", ".json", ".parquet")


def check_output(name: str, path: str | Path, endings: tuple[str, ...], *, overwrite: bool = False) -> Path:
    """Return `path` if a file may be written there; called before the work as well as after it.

    Args:
        name: Name of the option, for the message.
        endings: Allowed endings, in lower case with the dot.
        overwrite: Allow a file that is there.

    Raises:
        ValueError: Another ending.
        FileNotFoundError: The folder does not exist.
        FileExistsError: Something is there and may not be replaced.
    """
    path = Path(path)
    if path.suffix.lower() not in endings:
        raise ValueError(f"`{name}` must end in {' or '.join(endings)}, got {str(path)!r}; change the ending.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder of `{name}` must exist, got {str(path)!r}; create {path.parent} first.")
    if path.exists() and not (overwrite and path.is_file()):
        raise FileExistsError(
            f"`{name}` must not name an existing file, got {str(path)!r}; choose another or pass --overwrite (overwrite=True)."
        )
    return path


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Return `path` after `write` has filled a temporary file beside it that is then renamed to it.

    A program that stops half-way leaves no half file behind, and readers never see one.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def save_tables(
    timeline: pd.DataFrame,
    summary: pd.DataFrame,
    facts: Mapping[str, object],
    path: str | Path,
    *,
    overwrite: bool,
    name: str = "timeline",
) -> Path:
    """Write a table in the form that the ending of `path` names, and return the path.

    Args:
        timeline: One row per window and word, or another table.
        summary: One row per video and word; only JSON holds it, the others can compute it.
        facts: Plain JSON values that belong beside the numbers.
        overwrite: Replace an existing file.
        name: Of the table in JSON.

    Raises:
        ValueError: Another ending than `TABLE_ENDINGS`.
        FileNotFoundError: The folder does not exist.
        FileExistsError: The file exists and `overwrite` is false.
    """
    path = check_output("output", path, TABLE_ENDINGS, overwrite=overwrite)
    writers: dict[str, Callable[[Path], object]] = {
        # Six places: microseconds, and more than a cosine in float32 can tell.
        ".csv": lambda partial: timeline.to_csv(partial, index=False, float_format="%.6f", encoding="utf-8"),
        ".json": lambda partial: _write_json(partial, {**facts, "summary": summary, name: timeline}),
        ".parquet": lambda partial: _write_parquet(partial, timeline, facts),
    }
    return write_whole(path, writers[path.suffix.lower()])


def write_table(table: pd.DataFrame, path: Path) -> Path:
    """Write a table that stands for itself as `.csv`, `.json` or `.parquet`, whole or not at all, and return the path."""
    writers: dict[str, Callable[[Path], object]] = {
        ".csv": lambda partial: table.to_csv(partial, index=False, float_format="%.6f", encoding="utf-8"),
        ".json": lambda partial: _write_json(partial, {"rows": table}),
        ".parquet": lambda partial: _write_parquet(partial, table, {}),
    }
    return write_whole(path, writers[path.suffix.lower()])


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    plain = {key: records(value) if isinstance(value, pd.DataFrame) else value for key, value in content.items()}
    path.write_text(json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table as plain JSON values; what is missing is `None`."""
    values = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    return [dict(zip(table.columns, map(_plain, row), strict=True)) for row in values]


def _plain(value: object) -> object:
    if not isinstance(value, np.ndarray):
        return value
    # Vectors of stretches without a face are missing as a whole.
    return None if np.isnan(value).any() else value.tolist()


def _write_parquet(path: Path, timeline: pd.DataFrame, facts: Mapping[str, object]) -> None:
    table = pa.Table.from_pandas(timeline, preserve_index=False)
    metadata = {key: json.dumps(value, ensure_ascii=False) for key, value in facts.items()}
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata}), path)
