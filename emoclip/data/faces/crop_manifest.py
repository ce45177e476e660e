# SPDX-License-Identifier: Apache-2.0
"""The manifest of a crop set: the source's rows with crops for media, and lists of what failed."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emoclip.data.manifest import Manifest, write_manifest_table
from emoclip.data.output import replacing
from emoclip.data.parts import read_parts

from .crop_clip import CROP


MANIFEST_NAME = "manifest.parquet"
FAILURES_NAME = "failures.csv"
SEVERAL_NAME = "several_faces.csv"


# Of two numbers: the results of the source's rows from the first to before the second, in their order.
Results = Callable[[int, int], pa.Table]


def write_crop_manifest(output: Path, source: Manifest, results: Results, *, num_left_out: int, note: str) -> int:
    """Write the manifest of a crop set and return its number of rows, in the order of the source.

    Everything is done column by column and a part at a time: the boxes of a large set would not fit.

    Args:
        output: Folder of the crop set.
        source: What was cropped; its rows are read from its file.
        results: Of the type `emoclip.data.faces.crop_clip.RESULTS`.
        num_left_out: Clips that have no crop.
        note: How the crops were made.
    """
    # A score on what is left is not one on all clips.
    without = "clips were left out when faces were cropped, without a face or with an error."
    left_out = [f"{num_left_out} {without}"] if num_left_out else []
    return write_manifest_table(
        output / MANIFEST_NAME,
        _crop_parts(output, source, results),
        class_names=source.class_names,
        dataset=source.dataset,
        licence=source.licence,
        source=source.source,
        notes=[*source.notes, *left_out, note],
        missing=source.missing,
    )


def _crop_parts(output: Path, source: Manifest, results: Results) -> Iterator[pa.Table]:
    folder = os.path.relpath(source.root.resolve(), output.resolve())
    start = 0
    for part in read_parts(source.path):
        yield _crop_rows(part, start, results(start, start + part.num_rows), folder)
        start += part.num_rows
    if not start:
        yield _crop_rows(pq.read_schema(source.path).empty_table(), 0, results(0, 0), folder)


def _crop_rows(source: pa.Table, start: int, results: pa.Table, folder: str) -> pa.Table:
    """The rows of a part of the source, which begins at row `start`, with their crops for media."""
    crops = results["crops"].combine_chunks() if results.num_rows else pa.array([], pa.list_(CROP))
    clips = crops.value_parent_indices()
    fields = crops.flatten()
    table = source.take(pc.subtract(results["row"].take(clips), start))
    ids, tracks = table["clip_id"], fields.field("track")
    numbered = pc.binary_join_element_wise(ids, tracks.cast(pa.string()), "#")
    replaced: dict[str, Any] = {
        "clip_id": pc.if_else(pc.is_null(tracks), ids, numbered),
        "source_path": _moved(table["path"], folder),
        "path": fields.field("path"),
        "media": fields.field("media"),
        "num_frames": fields.field("num_frames"),
        "fps": results["fps"].take(clips),
        "boxes": fields.field("boxes"),  # of the crops, for masks are drawn on them
        "source_boxes": fields.field("source_boxes"),
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
    return table


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
