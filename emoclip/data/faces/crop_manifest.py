# SPDX-License-Identifier: Apache-2.0
"""The manifest of a crop set: the source's rows with crops for media, and lists of what failed."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from emoclip.data.manifest import Manifest, write_manifest_table
from emoclip.data.output import replacing

from .crop_clip import CROP


MANIFEST_NAME = "manifest.parquet"
FAILURES_NAME = "failures.csv"
SEVERAL_NAME = "several_faces.csv"


def write_crop_manifest(output: Path, source: Manifest, results: pa.Table, note: str) -> int:
    """Write the manifest of a crop set and return its number of rows, in the order of the source.

    Everything is done column by column: the boxes of a large set as Python's own lists would not fit.

    Args:
        output: Folder of the crop set.
        source: What was cropped.
        results: Of the type `emoclip.data.faces.crop_clip.RESULTS`.
        note: How the crops were made.
    """
    results = results.sort_by("row").combine_chunks()
    crops = results["crops"].combine_chunks() if results.num_rows else pa.array([], pa.list_(CROP))
    clips = crops.value_parent_indices()
    fields = crops.flatten()
    rows = results["row"].take(clips)
    table = source.table.take(rows)
    folder = os.path.relpath(source.root.resolve(), output.resolve())
    ids, tracks = table["clip_id"], fields.field("track")
    numbered = pc.binary_join_element_wise(ids, tracks.cast(pa.string()), "#")
    replaced: dict[str, Any] = {
        "clip_id": pc.if_else(pc.is_null(tracks), ids, numbered),
        "source_path": _moved(table["path"], folder),
        "path": fields.field("path"),
        "media": fields.field("media"),
        "num_frames": fields.field("num_frames"),
        "fps": results["fps"].take(clips),
        "boxes": fields.field("boxes"),
        "sha256": fields.field("sha256"),
        "num_faces": results["num_faces"].take(clips),
        "detector": results["detector"].take(clips),
        "source_start_frame": fields.field("start_frame"),
        "source_end_frame": fields.field("end_frame"),
    }
    for name in ("start_frame", "end_frame", "frame_name"):  # the crops are the stretch, and whole
        if name in table.column_names:
            replaced[name] = pa.nulls(table.num_rows, table.schema.field(name).type)
    for name, column in replaced.items():
        position = table.schema.get_field_index(name)
        table = table.append_column(name, column) if position < 0 else table.set_column(position, name, column)
    write_manifest_table(
        output / MANIFEST_NAME,
        table,
        class_names=source.class_names,
        dataset=source.dataset,
        licence=source.licence,
        source=source.source,
        notes=[*source.notes, *_note_left_out(results), note],
        missing=source.missing,
    )
    return table.num_rows


def _note_left_out(results: pa.Table) -> list[str]:
    # A score on what is left is not one on all clips.
    count = len(results) - results["error"].null_count
    return [f"{count} clips were left out when faces were cropped, without a face or with an error."] if count else []


def write_lists(output: Path, results: pa.Table) -> None:
    """Write the clips that failed or have no face, and those with several faces, each with its row in the source."""
    results = results.sort_by("row")
    columns = ["row", "clip_id", "path"]
    failed = results.filter(pc.is_valid(results["error"])).select([*columns, "error"])
    several = results.filter(pc.greater(results["num_faces"], 1)).select([*columns, "num_faces"])
    for name, table in ((FAILURES_NAME, failed), (SEVERAL_NAME, several)):
        _write_csv(output / name, table.column_names, (row.values() for row in table.to_pylist()))


def _moved(paths: Any, folder: str) -> Any:
    """The source's paths, relative to the crop set; absolute ones stay."""
    joined = pc.binary_join_element_wise(pa.scalar(Path(folder).as_posix()), paths, "/")
    return pc.if_else(pc.starts_with(paths, "/"), paths, joined)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    # The mark tells spreadsheets that names are in UTF-8.
    with (
        replacing(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8-sig", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def ambiguous_id(ids: pa.ChunkedArray) -> str | None:
    """Return an id that another one would get once the numbers of tracks are appended, or None."""
    known = set(ids.to_pylist())
    for text in known:
        base, mark, number = text.rpartition("#")
        if mark and number.isdigit() and base in known:
            return text
    return None


__all__ = ["FAILURES_NAME", "MANIFEST_NAME", "SEVERAL_NAME", "ambiguous_id", "write_crop_manifest", "write_lists"]
