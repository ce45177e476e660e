# SPDX-License-Identifier: Apache-2.0
"""What to do with clips that do not decode: a manifest without them, and their files out of the way."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from .manifest import Manifest, read_manifest, write_manifest_table
from .media_check import Checked
from .output import check_new_file, check_writable, replacing, replacing_same
from .parts import read_parts


LIST_NAME = "quarantine.csv"


def write_good(manifest_path: str | Path, output: str | Path, failed: Sequence[Checked]) -> None:
    """Write a manifest of the clips that decode, with a note on the others.

    Raises:
        FileExistsError: The output exists and is not this manifest.
        ValueError: Nothing is left, or the output does not end in `.parquet`.
    """
    output = Path(output)
    check_new_file(output, suffix=".parquet", overwrite=True)
    manifest = read_manifest(manifest_path, check_media=False, checked_only=True)
    bad = pa.array([one.clip_id for one in failed], pa.string())
    if manifest.table.num_rows == pc.sum(pc.is_in(manifest.column("clip_id"), bad)).as_py():
        raise ValueError(f"At least one clip must decode, none of the {len(failed)} in {manifest_path} does.")
    note = [f"{len(failed)} clips were left out because they do not decode."] if failed else []
    with replacing_same(output) as temporary:
        write_manifest_table(
            temporary,
            _good_parts(manifest, bad, output.parent.resolve()),
            class_names=manifest.class_names,
            dataset=manifest.dataset,
            licence=manifest.licence,
            source=manifest.source,
            notes=[*manifest.notes, *note],
            missing=manifest.missing,
        )


def _good_parts(manifest: Manifest, bad: pa.Array, target: Path) -> Iterator[pa.Table]:
    """The rows of clips that decode, their paths relative to another folder."""
    source = manifest.root.resolve()
    for part in read_parts(manifest.path):
        table = part.filter(pc.invert(pc.is_in(part["clip_id"], bad)))
        paths = [Path(os.path.relpath(source / path, target)).as_posix() for path in table["path"].to_pylist()]
        yield table.set_column(table.column_names.index("path"), "path", pa.array(paths, pa.string()))


def check_below(manifest_path: str | Path, root: str | Path | None = None) -> None:
    """Refuse a manifest with clips outside of the root, before the work of finding out which of them fail.

    Args:
        manifest_path, root: As for `move_failed`.

    Raises:
        FileNotFoundError: The root is no folder.
        ValueError: A clip lies outside of it.
    """
    manifest = read_manifest(manifest_path, check_media=False)
    _below(manifest, root, manifest.table["path"].to_pylist())


def move_failed(
    manifest_path: str | Path, folder: str | Path, failed: Sequence[Checked], root: str | Path | None = None
) -> list[Path]:
    """Move the files of clips that failed into a folder, under their paths below the root, and list them there.

    A file stays where a good clip needs it too, as other scenes of a film do.

    Args:
        manifest_path: The manifest.
        folder: Where to; `quarantine.csv` in it says what was what and why. Runs add to it.
        failed: As `check_media` returns them.
        root: Folder of the media, out of which nothing else is moved; that of the manifest if absent.

    Returns:
        The new places.

    Raises:
        FileExistsError: The folder is a file.
        FileNotFoundError: The root is no folder.
        ValueError: A file of a clip that failed lies outside of the root.
    """
    folder = Path(folder)
    check_writable(folder)
    manifest = read_manifest(manifest_path, check_media=False, checked_only=True)
    bad = {one.clip_id for one in failed}
    columns = (manifest.column(name).to_pylist() for name in ("clip_id", "path"))
    needed = {path for clip, path in zip(*columns, strict=True) if clip not in bad}
    chosen = {one.path: one for one in failed if one.path not in needed}
    below = _below(manifest, root, chosen)
    # Listed first: a run that is killed on the way must not leave files whose names nobody knows.
    entries = [(one.clip_id, path, one.error) for path, one in chosen.items() if (manifest.root / path).exists()]
    if entries:
        _list(folder / LIST_NAME, entries)
    moved = []
    for _, path, _ in entries:
        target = folder / below[path]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(manifest.root / path, target)
        moved.append(target)
    return moved


def _below(manifest: Manifest, root: str | Path | None, paths: Iterable[str]) -> dict[str, Path]:
    """Path in the manifest -> path below the root; a link counts where it lies and not where it leads, for it is the link that moves.

    Raises:
        FileNotFoundError: The root is no folder.
        ValueError: A path lies outside of it.
    """
    base = (manifest.root if root is None else Path(root)).resolve()
    if not base.is_dir():
        raise FileNotFoundError(f"`--root` must be the folder of the media, got {root}.")
    resolved: dict[Path, Path] = {}  # clips share folders, and looking one up takes long
    below = {}
    for path in paths:
        named = manifest.root / path
        if named.parent not in resolved:
            resolved[named.parent] = named.parent.resolve()
        place = resolved[named.parent] / named.name
        if base not in place.parents or place.name == "..":
            raise ValueError(
                f"Files are moved out of one folder only, {place} lies outside of {base}; name the folder of the media with --root."
            )
        below[path] = place.relative_to(base)
    return below


def _list(path: Path, entries: list[tuple[str, str, str | None]]) -> None:
    before = path.read_text(encoding="utf-8") if path.is_file() else "clip_id,path,error\n"
    listed = {tuple(row) for row in csv.reader(before.splitlines())}
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        file.write(before)
        # Some may stand there from a run that was killed before it moved them.
        new = (entry for entry in entries if tuple(value or "" for value in entry) not in listed)
        csv.writer(file, lineterminator="\n").writerows(new)


__all__ = ["check_below", "move_failed", "write_good"]
