# SPDX-License-Identifier: Apache-2.0
"""Sets of videos in one file, read and written at any address that fsspec opens: WebDataset (.tar) and Parquet.

A reader holds one video at a time, a writer some thousand rows; a result appears under its name when it is complete.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emoclip.analysis.saving import records
from emoclip.console import storable
from emoclip.data.shard_media import unzip_frames

from .sources import IMAGE_ENDINGS, VIDEO_ENDINGS
from .status import facts_of


SHARD_FORMATS = ("parquet", "webdataset")
# Columns in which shards keep their media, and their names; the first that is there counts.
MEDIA_COLUMNS = ("video", "image", "frames", "mp4", "bytes")
KEY_COLUMNS = ("clip_id", "__key__", "key", "name", "id")
ROWS_HELD = 5000
# Videos of a Parquet shard that are read at once.
CLIPS_HELD = 4


def read_shard(place: str) -> Iterator[tuple[str, Any]]:
    """Yield key and video of every video in a shard, in its order; in place of one that cannot be unpacked its error.

    Args:
        place: Path or address, ending in `.tar` or `.parquet`.

    Raises:
        ValueError: It ends in something else, or a table has no column with media.
        OSError: It cannot be read.
    """
    ending = PurePosixPath(place.split("?")[0]).suffix.lower()
    readers = {".tar": _read_tar, ".parquet": _read_parquet}
    if ending not in readers:
        raise ValueError(f"A shard must end in {' or '.join(readers)}, got {place}.")
    with fsspec.open(place, "rb") as file:
        yield from readers[ending](file, place)


def write_results(scored: Iterable[tuple[str, Any, str]], name: str, output: str, form: str) -> dict[str, Any]:
    """Write what became of the videos of a shard as one shard, and return the counts and notes of a status row.

    Parquet holds the timelines, a row without an emotion for each video that failed; a tar a JSON file for each video.

    Args:
        scored: Key, analysis (`None` where it failed) and error of each video.
        name: Of the result, below the output.
        output: Folder or address of the results.
        form: One of `SHARD_FORMATS`.
    """
    counts: dict[str, Any] = {"status": "no face", "windows": 0, "persons": 0, "video_seconds": 0.0, "error": ""}
    failed: list[str] = []
    noted: list[str] = []
    counted = _counting(scored, counts, failed, noted)
    write = _write_parquet if form == "parquet" else _write_tar
    with _appearing(output, name) as file:
        write(counted, file)
    if failed:
        counts["error"] = f"{len(failed)} videos failed, first {failed[0]}"
    if noted:
        counts["notes"] = f"{len(noted)} videos have notes, first {noted[0]}"
    return counts


def publish(folder: Path, output: str) -> None:
    """Copy a folder's files to an address, each under a temporary name first."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with _appearing(output, path.relative_to(folder).as_posix()) as file:
            file.write(path.read_bytes())


class _appearing:
    """A file that gets its name when the block ends without an error, in a folder or at an address."""

    def __init__(self, output: str, name: str):
        self._system, root = fsspec.url_to_fs(output)
        self._path = f"{root.rstrip('/')}/{name}"
        self._partial = f"{self._path}.partial"

    def __enter__(self) -> Any:
        self._system.makedirs(self._path.rsplit("/", 1)[0], exist_ok=True)
        self._file = self._system.open(self._partial, "wb")
        return self._file

    def __exit__(self, kind: Any, *error: Any) -> None:
        try:
            self._file.close()
        finally:
            if kind is not None and self._system.exists(self._partial):
                self._system.rm(self._partial)
        if kind is None:
            if self._system.exists(self._path):
                self._system.rm(self._path)
            self._system.mv(self._partial, self._path)


def _read_tar(file: Any, place: str) -> Iterator[tuple[str, Any]]:
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for member in archive:
            # WebDataset: the key ends at the first dot of the file's name.
            path = PurePosixPath(member.name)
            stem, _, ending = path.name.partition(".")
            suffix = f".{ending.lower()}"
            if not member.isfile() or suffix not in VIDEO_ENDINGS | IMAGE_ENDINGS | {".frames.zip", ".zip"}:
                continue
            content: Any = archive.extractfile(member)
            data = content.read()
            key = str(path.with_name(stem)) if path.parent != PurePosixPath(".") else stem
            yield storable(key), _unpacked(_unzipped, data) if suffix.endswith(".zip") else data


def _read_parquet(file: Any, place: str) -> Iterator[tuple[str, Any]]:
    table = pq.ParquetFile(file)
    names = table.schema_arrow.names
    media = [name for name in MEDIA_COLUMNS if name in names]
    if not media:
        raise ValueError(
            f"A shard must have one of the columns {', '.join(MEDIA_COLUMNS)}, {place} has {', '.join(names)}."
        )
    key = next((name for name in KEY_COLUMNS if name in names), None)
    row_number = 0
    for batch in table.iter_batches(CLIPS_HELD, columns=[*media, *([key] if key else [])]):
        for row in batch.to_pylist():
            value = next((row[name] for name in media if row[name]), None)
            yield str(row[key]) if key else f"{row_number:06}", _unpacked(_video, value)
            row_number += 1


def _unpacked(unpack: Callable[[Any], Any], value: Any) -> Any:
    """A video, or the error of one that must not cost the others of its shard."""
    try:
        return unpack(value)
    except Exception as error:  # whatever a broken picture or archive raises
        return error


def _video(value: Any) -> Any:
    if isinstance(value, list):
        return _frames(value)
    data = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(data, bytes):
        raise ValueError("The video of a row must stand in the shard, got a path or nothing; write it with its media.")
    return data


def _unzipped(data: bytes) -> list[Any]:
    return _frames(unzip_frames(data))


def _frames(blobs: list[dict[str, Any]]) -> list[Any]:
    from PIL import Image

    return [Image.open(io.BytesIO(blob["bytes"])).convert("RGB") for blob in blobs]


def _counting(
    scored: Iterable[tuple[str, Any, str]], counts: dict[str, Any], failed: list[str], noted: list[str]
) -> Iterator[tuple[str, Any, str]]:
    for key, analysis, error in scored:
        if analysis is None:
            failed.append(f"{key}: {error}")
        else:
            facts = facts_of([analysis])
            noted += [f"{key}: {facts['notes']}"] if facts["notes"] else []
            counts["status"] = "done" if facts["status"] == "done" else counts["status"]
            for name in ("windows", "persons", "video_seconds"):
                counts[name] += facts[name]
        yield key, analysis, error


def _write_parquet(scored: Iterable[tuple[str, Any, str]], file: Any) -> None:
    writer: pq.ParquetWriter | None = None
    schema: pa.Schema | None = None
    held: list[pd.DataFrame] = []
    waiting: list[tuple[str, str]] = []

    def flush() -> None:
        nonlocal writer, schema, held
        if not held:
            return
        table = pa.Table.from_pandas(pd.concat(held, ignore_index=True), schema=schema, preserve_index=False)
        if writer is None:
            schema = table.schema
            writer = pq.ParquetWriter(file, schema)
        writer.write_table(table)
        held = []

    for key, analysis, error in scored:
        if analysis is None:
            waiting.append((key, error))
        else:
            held.append(analysis.timeline.assign(video=key, error="", notes=storable(" ".join(analysis.warnings))))
            if sum(map(len, held)) >= ROWS_HELD:
                flush()
    flush()
    if waiting:
        # Columns of numbers stay empty; the schema is that of the rows before, where there are any.
        bad = pd.DataFrame(waiting, columns=["video", "error"])
        names = schema.names if schema is not None else list(bad.columns)
        table = pa.Table.from_pandas(bad.reindex(columns=names), schema=schema, preserve_index=False)
        writer = writer or pq.ParquetWriter(file, table.schema)
        writer.write_table(table)
    if writer is None:
        raise ValueError("The shard holds no video.")
    writer.close()


def _write_tar(scored: Iterable[tuple[str, Any, str]], file: Any) -> None:
    with tarfile.open(fileobj=file, mode="w|") as archive:
        for key, analysis, error in scored:
            content = (
                {"error": error} if analysis is None else {**analysis.facts(), "timeline": records(analysis.timeline)}
            )
            data = json.dumps(content, ensure_ascii=False).encode("utf-8")
            entry = tarfile.TarInfo(f"{key}.json")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


__all__ = ["SHARD_FORMATS", "publish", "read_shard", "write_results"]
