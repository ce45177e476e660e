# SPDX-License-Identifier: Apache-2.0
"""Clips and their captions as embeddings; which finds which is computed from the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from emoclip.evaluation.caption_parts import split_caption
from emoclip.evaluation.clip_features import ClipFeatures
from emoclip.evaluation.protocol_config import CaptionAblationConfig, RetrievalConfig
from emoclip.evaluation.protocols.context import Context
from emoclip.evaluation.systems import System
from emoclip.evaluation.target_predictions import NO_CLASS, RetrievalTable


FULL, EXPRESSION, CONTEXT = "full", "expression_only", "context_only"


def captioned_rows(context: Context, column: str) -> np.ndarray:
    """Row numbers of the judged clips that have a caption.

    Raises:
        ValueError: If fewer than two have one.
    """
    captions = context.clips.column(column)
    rows = np.array([n for n in context.test_rows.tolist() if _first(captions[n])], dtype=np.int64)
    if len(rows) < 2:
        raise ValueError(f"Retrieval needs at least 2 clips with a caption in `{column}`, got {len(rows)}.")
    return rows


def retrieval_tables(context: Context, config: RetrievalConfig) -> list[RetrievalTable]:
    """One table per system that matches texts: every clip with its first caption."""
    column = config.captions
    captions = context.clips.column(column)
    texts = {row: _first(captions[row]) for row in captioned_rows(context, column).tolist()}
    return _tables(context, texts, column, "retrieval", config.ks)


def caption_ablation_tables(context: Context, config: CaptionAblationConfig) -> list[RetrievalTable]:
    """Tables of whole captions, of what they say of the face, and of the rest, on the clips that have all three."""
    captions = context.clips.column(config.captions)
    rows = captioned_rows(context, config.captions).tolist()
    full = {row: _first(captions[row]) for row in rows}
    parts = {row: split_caption(text) for row, text in full.items()}
    expression = _column(context, config.expression) or {row: part[0] for row, part in parts.items()}
    rest = _column(context, config.context) or {row: part[1] for row, part in parts.items()}
    common = [row for row in rows if expression.get(row) and rest.get(row)]
    if len(common) < 2:
        raise ValueError(
            f"The caption ablation needs at least 2 clips whose captions name both the face and something else, got "
            f"{len(common)} of {len(rows)}; name columns by `expression` and `context`."
        )
    variants = {FULL: full, EXPRESSION: expression, CONTEXT: rest}
    return [
        table
        for name, texts in variants.items()
        for table in _tables(context, {row: texts[row] for row in common}, name, "caption_ablation", config.ks)
    ]


def _tables(
    context: Context, texts: dict[int, str], name: str, protocol: str, ks: tuple[int, ...]
) -> list[RetrievalTable]:
    tables = []
    for spec in context.config.systems:
        for part in context.parts(spec):
            if context.is_main and part.system.encoder.class_names is None:
                table = _table(context, part.system, part.features, texts, name, protocol)
                tables.append(replace(table, ks=tuple(sorted(set(ks)))))
            break  # one model per system: captions have no folds
    return tables


def _table(
    context: Context, system: System, features: ClipFeatures, texts: dict[int, str], name: str, protocol: str
) -> RetrievalTable:
    labels = context.clips.column("label")
    numbers, values = features.take(list(texts))
    embeds = system.encoder.embed_texts([texts[number] for number in numbers])
    return RetrievalTable(
        clip_ids=context.clip_ids(numbers),
        references=[NO_CLASS if labels[number] is None else labels[number] for number in numbers],
        video_embeds=_unit(system.encoder.clip_embeds(values)),
        text_embeds=_unit(embeds),
        class_names=context.class_names,
        model=system.source,
        revision=system.revision,
        prompt_set=name,
        manifest_sha256=context.clips.about.sha256,
        system=system.name,
        # The text itself: where several clips share one, finding another's is no error.
        columns={**context.clips.known(numbers), "caption": [texts[number] for number in numbers]},
        protocol=protocol,
        dataset=context.clips.about.dataset,
    )


def _column(context: Context, name: str | None) -> dict[int, str] | None:
    return None if name is None else {row: _first(value) for row, value in enumerate(context.clips.column(name))}


def _first(value: object) -> str:
    """The text of a cell, which may hold a text, a list of texts or nothing."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value.strip() if isinstance(value, str) else ""


def _unit(embeds: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(embeds.float(), dim=-1).numpy()


__all__ = ["CONTEXT", "EXPRESSION", "FULL", "caption_ablation_tables", "captioned_rows", "retrieval_tables"]
