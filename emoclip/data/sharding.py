# SPDX-License-Identifier: Apache-2.0
"""Writing a set of shards from a manifest; see `shards` for the form."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .loading import load
from .manifest import Manifest, fingerprint, read_manifest
from .mapped_rows import open_manifest
from .output import check_writable, is_temporary, replacing
from .shard_media import media_size, read_media, zip_frames
from .shards import SHARD_FORMATS, Shard, ShardIndex, media_value, plan_shards, row_columns, shard_features
from .worker_pool import WorkerPool


if TYPE_CHECKING:
    from datasets import Dataset


# Clips that are held at once, and a group that a reader fetches at once.
ROWS_PER_GROUP = 16
PLAN_NAME, CUT_NAME = ".plan.json", ".cut"


@dataclass(frozen=True)
class Written:
    """What became of a shard: how many clips it was to hold, and clip id -> error of those that it does not."""

    shard: Shard
    failures: dict[str, str]


Progress = Callable[[Iterable[Written], int], Iterable[Written]]
Sizing = Callable[[Iterable[int], int], Iterable[int]]


def write_shards(
    manifest_path: str | Path,
    output: str | Path,
    *,
    format: str = "parquet",
    shard_bytes: int = 256 * 2**20,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = lambda results, total: results,
    sizing: Sizing = lambda sizes, total: sizes,
) -> tuple[ShardIndex, dict[str, str]]:
    """Write all shards and the index; shards that an earlier run finished are kept.

    Args:
        manifest_path: The manifest.
        output: Folder of the set.
        format: `parquet` or `webdataset`.
        shard_bytes: About how large a shard becomes.
        seed: Of the order of clips.
        workers: Processes that write, each one shard at a time.
        progress: Wraps the iteration over finished shards, which come with the number of all clips.
        sizing: Wraps the iteration over the sizes of all clips, which are looked up first; they come with their number.

    Returns:
        The index, and clip id -> error of the clips that are in no shard.

    Raises:
        FileExistsError: The folder holds a set of other data, another form or another cut, which also files have that came or changed
            since it was begun.
        FileNotFoundError, ValueError: The manifest is missing or malformed, or an argument is out of its range.
    """
    if format not in SHARD_FORMATS:
        raise ValueError(f"`--format` must be one of {', '.join(SHARD_FORMATS)}, got {format!r}.")
    if shard_bytes < 1 or workers < 1:
        raise ValueError(f"`--shard-size` and `--workers` must be at least 1, got {shard_bytes} and {workers}.")
    output = Path(output)
    manifest = read_manifest(manifest_path, check_media=False)
    settings: dict[str, Any] = {
        "manifest": fingerprint(manifest_path),
        "shard_bytes": shard_bytes,
        "seed": seed,
        "format": format,
    }
    _claim(output, settings)
    (output / "data").mkdir(exist_ok=True)
    rows = load(manifest_path, check_media=False)
    sizes = list(sizing((media_size(row) for row in rows), len(rows)))
    shards = plan_shards(rows["split"][:], sizes, shard_bytes=shard_bytes, seed=seed, suffix=SHARD_FORMATS[format])
    _check_cut(output, shards)
    media = _media_of(manifest)
    schema = _schema(manifest, media)
    jobs = [
        _Job(str(manifest_path), settings["manifest"], str(output), shard, format, media, schema) for shard in shards
    ]
    failures: dict[str, str] = {}
    clips = dict.fromkeys(sorted({shard.split for shard in shards}), 0)
    for written in progress(_write_all(jobs, workers), len(rows)):
        failures |= written.failures
        clips[written.shard.split] += len(written.shard.rows) - len(written.failures)
    index = _index(manifest, settings, media, clips, len(failures))
    index.write(output)
    return index, failures


def holds_other_data(output: Path, manifest_path: Path) -> bool:
    """Whether a folder holds shards of another manifest, or of the same one before it was changed."""
    plan = output / PLAN_NAME
    return plan.is_file() and json.loads(plan.read_text(encoding="utf-8"))["manifest"] != fingerprint(manifest_path)


@dataclass(frozen=True)
class _Job:
    manifest: str
    fingerprint: str
    output: str
    shard: Shard
    format: str
    # Columns with media in the whole set: all shards of a set must have the same columns.
    media: tuple[str, ...]
    schema: pa.Schema


def _schema(manifest: Manifest, media: tuple[str, ...]) -> pa.Schema:
    columns = manifest.table.select(row_columns(manifest.table.column_names)).schema
    return shard_features(columns, manifest.class_names, media).arrow_schema


@lru_cache(maxsize=1)
def _opened(manifest: str, fingerprint: str) -> Dataset:
    """The rows of a manifest that was checked before, opened once in each process that writes."""
    return open_manifest(Path(manifest))


def _claim(output: Path, settings: dict[str, Any]) -> None:
    """Take the folder for this set, or go on with it if it was begun with the same settings."""
    plan = output / PLAN_NAME
    if plan.is_file():
        if json.loads(plan.read_text(encoding="utf-8")) != settings:
            raise FileExistsError(f"{output} holds shards of other data or another cut; choose another `--output`.")
        return
    if output.exists() and any(not is_temporary(entry) for entry in output.iterdir()):
        raise FileExistsError(f"The output must be a new folder or one of a run that was stopped, got {output}.")
    check_writable(output)
    # Before anything else, or a run that is killed here would leave a folder that no run takes.
    with replacing(plan, alone=True) as temporary:
        temporary.write_text(json.dumps(settings), encoding="utf-8")


def _check_cut(output: Path, shards: Sequence[Shard]) -> None:
    """Refuse to add to shards that were cut otherwise: a clip would be in two of them, or in none.

    Raises:
        FileExistsError: The sizes of the media are not those that the set was begun with.
    """
    told = json.dumps([[shard.name, shard.rows] for shard in shards])
    cut, kept = hashlib.sha256(told.encode()).hexdigest(), output / CUT_NAME
    if kept.is_file():
        if kept.read_text(encoding="utf-8") != cut:
            raise FileExistsError(
                f"Media have come, gone or changed since {output} was begun, and its shards would be cut otherwise; choose another "
                "`--output`, or remove the folder."
            )
        return
    with replacing(kept, alone=True) as temporary:
        temporary.write_text(cut, encoding="utf-8")


def _index(
    manifest: Manifest, settings: dict[str, Any], media: tuple[str, ...], clips: dict[str, int], unreadable: int
) -> ShardIndex:
    schema = manifest.table.select(row_columns(manifest.table.column_names)).schema
    features = shard_features(schema, manifest.class_names, media).to_dict()
    about = {name: getattr(manifest, name) for name in ("class_names", "dataset", "licence", "source")}
    return ShardIndex(
        **settings,
        **about,
        notes=list(manifest.notes),
        features=features,
        clips=clips,
        missing=len(manifest.missing),
        unreadable=unreadable,
    )


def _write_all(jobs: list[_Job], workers: int) -> Iterator[Written]:
    if workers == 1:
        yield from map(_write, jobs)
        return
    pool: WorkerPool[_Job, Written] = WorkerPool(_write, workers=workers, setup=_nothing, arguments=(), on_death=_died)
    yield from pool.run(jobs)


def _nothing() -> None:
    """No process needs preparing."""


def _died(job: _Job) -> Written:
    raise OSError(f"The process that wrote {job.shard.name} was killed, perhaps for memory; use fewer --workers.")


def _write(job: _Job) -> Written:
    """Write one shard under a temporary name and rename it; its failures are kept beside it for a run that goes on."""
    target = Path(job.output) / job.shard.name
    told = target.with_name(f".{target.name}.failures.json")
    # A shard that lacks clips is written again: they may be readable by now.
    if target.is_file() and told.is_file() and not json.loads(told.read_text(encoding="utf-8")):
        return Written(job.shard, {})
    rows = _opened(job.manifest, job.fingerprint)
    failures: dict[str, str] = {}
    good = _readable(rows, job.shard.rows, failures)
    with replacing(target, alone=True) as temporary:
        if job.format == "parquet":
            _write_parquet(rows, job, good, temporary)
        else:
            _write_tar(rows, good, temporary)
        told.write_text(json.dumps(failures), encoding="utf-8")
    return Written(job.shard, failures)


def _readable(rows: Dataset, numbers: tuple[int, ...], failures: dict[str, str]) -> Iterator[tuple[int, str, Any]]:
    """Row number, column and content of every clip that can be read; the others go into `failures`."""
    for number in numbers:
        row = rows[number]
        try:
            yield number, media_value(row), read_media(row)
        except (OSError, ValueError) as error:
            failures[row["clip_id"]] = " ".join(str(error).split())


def _write_parquet(rows: Dataset, job: _Job, good: Iterator[tuple[int, str, Any]], path: Path) -> None:
    schema = job.schema
    table = rows.with_format("arrow", columns=[name for name in schema.names if name not in job.media])
    with pq.ParquetWriter(path, schema) as writer:
        while group := _take(good, ROWS_PER_GROUP):
            part = table[[number for number, _, _ in group]]
            for name in job.media:
                values = [content if column == name else None for _, column, content in group]
                part = part.append_column(name, pa.array(values, schema.field(name).type))
            writer.write_table(part.select(schema.names).cast(schema), row_group_size=ROWS_PER_GROUP)


def _media_of(manifest: Manifest) -> tuple[str, ...]:
    table = manifest.table
    starts = table["start_frame"] if "start_frame" in table.column_names else pa.nulls(len(table))
    kinds = pa.table({"media": table["media"], "start_frame": pc.is_valid(starts)}).group_by(["media", "start_frame"])
    found = kinds.aggregate([]).to_pylist()
    return tuple(sorted({media_value({**row, "start_frame": 0 if row["start_frame"] else None}) for row in found}))


def _write_tar(rows: Dataset, good: Iterator[tuple[int, str, Any]], path: Path) -> None:
    columns = row_columns([name for name in rows.column_names if name != "file"])
    with tarfile.open(path, "w") as archive:
        for number, column, content in good:
            row = rows[number]
            about = json.dumps({name: row[name] for name in columns}, ensure_ascii=False)
            data = zip_frames(content) if column == "frames" else content["bytes"]
            _add(archive, f"{number:09}.json", about.encode())
            _add(archive, f"{number:09}.{column}", data)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def _take(items: Iterator[Any], count: int) -> list[Any]:
    return list(islice(items, count))


__all__ = ["Written", "holds_other_data", "write_shards"]
