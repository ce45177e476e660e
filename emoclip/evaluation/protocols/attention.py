# SPDX-License-Identifier: Apache-2.0
"""Where the subject token of each system looks, on the clips that it recognises best and worst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emoclip.evaluation.clip_list import shown_clip_ids
from emoclip.evaluation.config import SystemConfig
from emoclip.evaluation.predictions import PredictionTable
from emoclip.evaluation.protocols.context import Context
from emoclip.evaluation.subject_attention import AttentionMaps, SystemAttention, clip_attention


def attention_of_systems(context: Context, tables: Sequence[Any], count: int) -> list[SystemAttention]:
    """Maps of every system that prompts by subject and has a table of single classes; of the others there are none.

    Args:
        context: The run.
        tables: Its prediction tables.
        count: Of the best clips, and of the worst.
    """
    found = []
    for spec in context.config.systems if count and context.is_main else ():
        table = next((t for t in tables if isinstance(t, PredictionTable) and t.system == spec.name), None)
        maps = [] if table is None else _maps(context, spec, shown_clip_ids(table, count))
        if maps and table is not None:
            found.append(SystemAttention(spec.name, table.model, maps))
    return found


def _maps(context: Context, spec: SystemConfig, clip_ids: Sequence[str]) -> list[AttentionMaps]:
    """In the order of the clips; each by the model of its fold, where every fold has one."""
    rows, by_clip = context.clips.rows, {}
    # Without features: the other processes do not come here, and nobody may wait for them.
    for system, folds in context.models(spec):
        encoder = system.encoder
        if not encoder.needs_masks:
            return []
        judged = set(context.clip_ids([row for fold in folds for row in fold.test.tolist()]))
        own = [clip_id for clip_id in clip_ids if clip_id in judged]
        maps = clip_attention(encoder.model, encoder.video_processor, rows, own) if own else []
        by_clip.update({one.clip_id: one for one in maps})
    return [by_clip[clip_id] for clip_id in clip_ids if clip_id in by_clip]


__all__ = ["attention_of_systems"]
