# SPDX-License-Identifier: Apache-2.0
"""Which files of a data set go to the Hub, under which names; nothing is copied and nothing sent here.

manifest.parquet                                 the manifest, its paths those of the repository
{video,image,frames}/<split>/...                 media as they lie to each other
{video,image,frames}/<split>/metadata.parquet    the rows, so that `datasets` opens the folder as it is
annotations/<split>.parquet                      instead of all these, where media may not go
data/<split>-00000-of-00004.parquet              instead of all these, shards
"""

from __future__ import annotations

import io
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emoclip.console import require

from .manifest import Manifest
from .readers.layout import PICTURES, VIDEOS, natural_order


ANNOTATION_COLUMNS = (
    *("clip_id", "media", "num_frames", "fps", "label", "labels", "subject_id", "split", "test_fold", "sha256"),
)
SHARD_NAME = re.compile(r"(\w+)-(\d{5})-of-(\d{5})\.parquet")
ROWS_PER_GROUP = 20_000
# What the Hub asks of a repository: https://huggingface.co/docs/hub/storage-limits
MAX_FILES, MAX_FILES_IN_FOLDER = 100_000, 10_000


@dataclass(frozen=True)
class Upload:
    """One file of the repository: its name there, and the local file or the bytes that go."""

    name: str
    content: Path | bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


# Name of a configuration -> split -> pattern of its files, as the card's header has it.
Configurations = dict[str, dict[str, str]]


def annotation_uploads(manifest: Manifest, columns: tuple[str, ...] = ()) -> tuple[list[Upload], Configurations]:
    """Return a table for each split, without media and without anything that describes them beyond ids, labels and splits."""
    table = manifest.table.select(
        [name for name in (*ANNOTATION_COLUMNS, *columns) if name in manifest.table.column_names]
    )
    table = _typed(table.drop_columns(_empty(table)), manifest.class_names)
    splits = _splits(manifest)
    uploads = [Upload(f"annotations/{split}.parquet", _parquet(_of_split(table, split))) for split in splits]
    return uploads, {"default": {_loaded_as(split): f"annotations/{split}.parquet" for split in splits}}


def media_uploads(manifest: Manifest) -> tuple[list[Upload], Configurations]:
    """Return the manifest, every media file and the tables that describe them to `datasets`.

    Raises:
        FileNotFoundError: A clip is not there.
        ValueError: A clip is no video or picture, or there are more files than the Hub takes.
    """
    clips = list(_clips(manifest))
    names = pa.array([f"{clip.kind}/{clip.split}/{clip.name}" for clip in clips])
    position = manifest.table.schema.get_field_index("path")
    published = manifest.table.set_column(position, manifest.table.schema.field("path"), names)
    uploads = {"manifest.parquet": Upload("manifest.parquet", _parquet(published))}
    for clip in clips:
        for file in clip.files:
            inside = f"{clip.name}/{file.name}" if clip.kind == "frames" else clip.name
            name = f"{clip.kind}/{clip.split}/{inside}"
            uploads[name] = Upload(name, file)
    tables = list(_descriptions(manifest, clips))
    _check_numbers([*uploads, *(table.name for table in tables)])
    places = sorted({(clip.kind, clip.split) for clip in clips})
    kinds = sorted({kind for kind, _ in places})
    configurations = {
        "default" if len(kinds) == 1 else kind: {
            _loaded_as(split): f"{kind}/{split}/**" for one, split in places if one == kind
        }
        for kind in kinds
    }
    return [*uploads.values(), *tables], configurations


def shard_uploads(manifest: Manifest, folder: Path) -> tuple[list[Upload], Configurations]:
    """Return the shards of a folder, once it is clear that they are complete and hold clips of this manifest only.

    Raises:
        FileNotFoundError: There are no shards, or some are missing.
        ValueError: They were made from another data set.
    """
    record = folder / "shards.json"
    if not record.is_file():
        raise FileNotFoundError(
            f"`--shards` must be a folder that data_scripts/shard.py wrote, {record} is not there."
        )
    dataset = json.loads(record.read_text(encoding="utf-8")).get("dataset")
    if dataset != manifest.dataset:
        raise ValueError(
            f"Shards and manifest must be of one data set, {record} says {dataset!r}, {manifest.path} {manifest.dataset!r}."
        )
    files = _complete_shards(folder / "data")
    known = manifest.table["clip_id"].combine_chunks()
    for file in files:
        _check_shard(file, known, manifest.path)
    splits = sorted({match[1] for file in files if (match := SHARD_NAME.fullmatch(file.name))})
    uploads = [Upload("shards.json", record), *(Upload(f"data/{file.name}", file) for file in files)]
    return uploads, {"default": {_loaded_as(split): f"data/{split}-*" for split in splits}}


def _complete_shards(folder: Path) -> list[Path]:
    present: dict[tuple[str, int], set[int]] = defaultdict(set)
    files = sorted(folder.glob("*.parquet"))
    for file in files:
        match = SHARD_NAME.fullmatch(file.name)
        if match is None:
            raise ValueError(f"Shards must be named <split>-00000-of-00004.parquet, got {file}; move it elsewhere.")
        present[match[1], int(match[3])].add(int(match[2]))
    cuts = [split for split, _ in present]
    if twice := next((split for split in cuts if cuts.count(split) > 1), None):
        raise ValueError(f"{folder} holds shards of {twice} in two cuts; write the set again into a new folder.")
    for (split, total), numbers in present.items():
        if missing := sorted(set(range(total)) - numbers):
            raise FileNotFoundError(
                f"{folder} must hold all {total} shards of {split}, {missing[0]:05} is missing; write them again."
            )
    if not files:
        raise FileNotFoundError(
            f"{folder} must hold the shards, it holds none; write them with data_scripts/shard.py."
        )
    return files


def _check_shard(file: Path, known: pa.Array, manifest_path: Path) -> None:
    """Whatever its record says, a shard with clips from elsewhere does not go."""
    try:
        ids = pq.read_table(file, columns=["clip_id"])["clip_id"]
    except (pa.ArrowInvalid, KeyError) as error:
        raise ValueError(
            f"{file} must be a Parquet file with the column `clip_id` ({error}); write it again."
        ) from error
    strange = ids.filter(pc.invert(pc.is_in(ids, known)))
    if len(strange):
        raise ValueError(
            f"Shards must hold clips of {manifest_path} only, {file} holds {strange[0].as_py()!r}; write them again from it."
        )


@dataclass(frozen=True)
class _Clip:
    """A clip's place in the repository, `<kind>/<split>/<name>`, and its local files."""

    kind: str
    split: str
    name: str
    files: list[Path]


def _clips(manifest: Manifest) -> Iterator[_Clip]:
    root = manifest.root.resolve()
    # Textually, so that links to clips elsewhere keep the names they have here.
    places = [os.path.normpath(root / name) for name in manifest.table["path"].to_pylist()]
    common = os.path.commonpath([str(Path(place).parent) for place in places]) if places else ""
    kinds, splits = manifest.table["media"].to_pylist(), manifest.table["split"].to_pylist()
    _splits(manifest)
    for place, kind, split in zip(places, kinds, splits, strict=True):
        yield _Clip(kind, split, Path(place).relative_to(common).as_posix(), _files(Path(place), kind))


def _files(place: Path, kind: str) -> list[Path]:
    """The files of a clip. Nothing but media: a manifest that names a key or a password file must not publish it."""
    if kind == "frames":
        pictures = (file for file in place.iterdir() if file.suffix.lower() in PICTURES) if place.is_dir() else ()
        files = sorted(pictures, key=natural_order)
        if not files:
            raise FileNotFoundError(f"{place} must be a folder with the frames of a clip, it has none; restore them.")
        return files
    if not place.is_file():
        raise FileNotFoundError(f"Every clip must be there to be published, {place} is not; restore it.")
    if place.suffix.lower() not in (*VIDEOS, *PICTURES):
        raise ValueError(f"Only videos and pictures are published, got {place}; known endings: {', '.join(VIDEOS)}.")
    return [place]


def _descriptions(manifest: Manifest, clips: list[_Clip]) -> Iterator[Upload]:
    """A `metadata.parquet` for every kind and split, in the form of `videofolder` and `imagefolder`."""
    table = manifest.table.drop_columns(["path", "media", *_empty(manifest.table)])
    table = _typed(table, manifest.class_names)
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, clip in enumerate(clips):
        rows[clip.kind, clip.split].append(number)
    for (kind, split), numbers in rows.items():
        chosen = [clips[number] for number in numbers]
        names = [
            [f"{clip.name}/{file.name}" for file in clip.files] if kind == "frames" else clip.name for clip in chosen
        ]
        part = table.take(numbers).drop_columns(["split"])
        # A folder of frames becomes a column of lists of pictures.
        part = part.append_column("frames_file_names" if kind == "frames" else "file_name", pa.array(names))
        yield Upload(f"{kind}/{split}/metadata.parquet", _parquet(_typed(part, manifest.class_names)))


def _typed(table: pa.Table, class_names: list[str]) -> pa.Table:
    """The table with the names of its classes in the metadata that `datasets` reads."""
    features_type = require("datasets", "data").Features
    class_label, list_of = require("datasets", "data").ClassLabel, require("datasets", "data").List
    features = features_type.from_arrow_schema(table.schema.remove_metadata())
    if class_names and "label" in features:
        features["label"] = class_label(names=class_names)
    if class_names and "labels" in features:
        features["labels"] = list_of(class_label(names=class_names))
    return table.cast(features.arrow_schema)


def _empty(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if table[name].null_count == table.num_rows]


def _splits(manifest: Manifest) -> list[str]:
    splits = sorted(manifest.table["split"].unique().to_pylist())
    wrong = [split for split in splits if not re.fullmatch(r"\w+", split)]
    if wrong:
        raise ValueError(f"Names of splits must be of letters, digits and _, got {wrong[0]!r} in {manifest.path}.")
    return splits


def _loaded_as(split: str) -> str:
    """`datasets` keeps `all` for the union of splits and opens no data set that has one of the name."""
    return "full" if split == "all" else split


def _of_split(table: pa.Table, split: str) -> pa.Table:
    return table.filter(pc.equal(table["split"], split)).drop_columns(["split"])


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=ROWS_PER_GROUP)
    return buffer.getvalue()


def _check_numbers(names: list[str]) -> None:
    folder, number = Counter(str(PurePosixPath(name).parent) for name in names).most_common(1)[0]
    if len(names) > MAX_FILES or number > MAX_FILES_IN_FOLDER:
        raise ValueError(
            f"The Hub takes at most {MAX_FILES:,} files and {MAX_FILES_IN_FOLDER:,} in a folder, got {len(names):,} files, "
            f"{number:,} of them in {folder}; write shards with data_scripts/shard.py and pass --shards."
        )


__all__ = ["Configurations", "Upload", "annotation_uploads", "media_uploads", "shard_uploads"]
