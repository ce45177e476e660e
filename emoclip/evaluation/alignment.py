# SPDX-License-Identifier: Apache-2.0
"""Tables side by side: over the same clips, in the same order, with the same truth; or a sentence that says what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from emoclip.evaluation.comparisons import Table
from emoclip.evaluation.target_predictions import RetrievalTable, TargetTable


def align_tables(tables: Sequence[Table], *, shared_clips: bool = False) -> list[Table]:
    """The tables with their rows in the order of the first.

    Args:
        tables: Of one protocol.
        shared_clips: Keep the clips that all tables have, instead of refusing tables with others.

    Raises:
        ValueError: If they are about other manifests, classes, clips or truths, or share no clip.
    """
    main = tables[0]
    for table in tables[1:]:
        check_same_manifest(main, table)
        _check_same_classes(main, table)
    if shared_clips:
        shared = set.intersection(*(set(table.clip_ids) for table in tables))
        if not shared:
            raise ValueError(f"Tables must share at least one clip, {main.system} and the others share none.")
        main = take_rows(main, [row for row, clip_id in enumerate(main.clip_ids) if clip_id in shared])
    return [main, *(_aligned(table, main, shared_clips) for table in tables[1:])]


def take_rows(table: Table, rows: Sequence[int]) -> Table:
    """The table with these of its rows, in this order."""
    changes: dict[str, Any] = {
        "clip_ids": [table.clip_ids[row] for row in rows],
        "columns": {name: [values[row] for row in rows] for name, values in table.columns.items()},
    }
    for item in fields(table):
        values = getattr(table, item.name)
        if item.name in ("references", "scores", "video_embeds", "text_embeds"):
            changes[item.name] = (
                values[list(rows)] if isinstance(values, np.ndarray) else [values[row] for row in rows]
            )
    return replace(table, **changes)


def check_same_manifest(main: Table, table: Table) -> None:
    """Refuse tables of different manifests.

    Raises:
        ValueError: If their manifests differ.
    """
    if table.manifest_sha256 != main.manifest_sha256:
        raise ValueError(
            f"Tables of one report must come from one manifest and its classes, got {main.system} with "
            f"{main.manifest_sha256} and {table.system} with {table.manifest_sha256}; report them apart."
        )


def _check_same_classes(main: Table, table: Table) -> None:
    if list(table.class_names) != list(main.class_names):
        different = sorted(set(table.class_names) ^ set(main.class_names)) or ["their order"]
        raise ValueError(
            f"Tables of one report must have the same classes, {main.system} and {table.system} differ in "
            f"{', '.join(different[:5])}; report them apart."
        )


def _aligned(table: Table, main: Table, shared_clips: bool) -> Table:
    position = {clip_id: row for row, clip_id in enumerate(table.clip_ids)}
    different = (
        sorted(set(main.clip_ids) - set(position)) if shared_clips else sorted(set(position) ^ set(main.clip_ids))
    )
    if different:
        raise ValueError(
            f"Tables of one report must hold the same clips, got {len(different)} clips that are only in {main.system} or "
            f"only in {table.system}, first {different[0]!r}; evaluate both on the same clips, or pass --shared-clips."
        )
    aligned = take_rows(table, [position[clip_id] for clip_id in main.clip_ids])
    if not _same_truth(aligned, main):
        raise ValueError(f"Tables of one report must agree on the true classes, got others in {table.system}.")
    return aligned


def _same_truth(table: Table, main: Table) -> bool:
    if isinstance(table, TargetTable) and not isinstance(main, RetrievalTable):
        return bool(np.allclose(table.references, main.references))
    return list(table.references) == list(main.references)


__all__ = ["align_tables", "check_same_manifest", "take_rows"]
