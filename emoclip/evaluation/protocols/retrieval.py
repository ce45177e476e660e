# SPDX-License-Identifier: Apache-2.0
"""Clips and their captions as embeddings; which finds which is computed from the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from emoclip.evaluation.caption_parts import split_caption
from emoclip.evaluation.clip_rows import Fold
from emoclip.evaluation.protocol_config import CaptionAblationConfig, RetrievalConfig
from emoclip.evaluation.protocols.context import Context, Part
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


def check_retrieval(context: Context, config: RetrievalConfig) -> None:
    """Checks before the first clip is decoded that there are captions, and that no list is longer than all clips.

    Raises:
        ValueError: If clips with captions are too few, in all or in a fold.
    """
    _check_clips(context, captioned_rows(context, config.captions).tolist(), config.ks)


def check_caption_ablation(context: Context, config: CaptionAblationConfig) -> None:
    """The same for the caption ablation, whose clips must have all three texts.

    Raises:
        ValueError: If a column is missing, or clips with all three texts are too few, in all or in a fold.
    """
    _check_clips(context, list(ablation_texts(context, config)[FULL]), config.ks)


def retrieval_tables(context: Context, config: RetrievalConfig) -> list[RetrievalTable]:
    """One table per system that matches texts, and per fold where folds have models of their own: clips with their first captions."""
    column = config.captions
    captions = context.clips.column(column)
    texts = {row: _first(captions[row]) for row in captioned_rows(context, column).tolist()}
    return _tables(context, {column: texts}, "retrieval", config.ks)


def caption_ablation_tables(context: Context, config: CaptionAblationConfig) -> list[RetrievalTable]:
    """Tables of whole captions, of what they say of the face, and of the rest, on the clips that have all three."""
    return _tables(context, ablation_texts(context, config), "caption_ablation", config.ks)


def ablation_texts(context: Context, config: CaptionAblationConfig) -> dict[str, dict[int, str]]:
    """Kind of text -> row number -> text, of the judged clips that have all three kinds.

    Raises:
        ValueError: If a column is missing, or fewer than two clips have all three.
    """
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
    return {name: {row: texts[row] for row in common} for name, texts in variants.items()}


def _pools(context: Context) -> list[Fold | None]:
    """What is searched together: all clips, or each fold by itself where folds have models of their own.

    Embeddings of two models are not of one space, so that no clip of one fold can be looked for among those of another.
    """
    per_fold = any(context.is_per_fold(spec) for spec in context.config.systems)
    return list(context.folds) if per_fold else [None]


def _check_clips(context: Context, rows: Sequence[int], ks: Sequence[int]) -> None:
    for fold in _pools(context):
        count = len(rows) if fold is None else len(set(rows) & set(fold.test.tolist()))
        if count < max(2, min(ks)):
            place = "" if fold is None or fold.number is None else f" in fold {fold.number}"
            raise ValueError(
                f"Retrieval needs at least 2 clips{place}, and as many as its shortest list (`ks`: {min(ks)}), got {count}; "
                "choose a smaller k or more clips."
            )


def _tables(
    context: Context, texts: Mapping[str, dict[int, str]], protocol: str, ks: tuple[int, ...]
) -> list[RetrievalTable]:
    """Tables of every kind of texts, pool of clips and system, those of a pool and kind together."""
    found: dict[tuple[int, str], list[RetrievalTable]] = {}
    pools = _pools(context)
    for spec in context.config.systems:
        for part in context.parts(spec):
            if not context.is_main or part.system.encoder.class_names is not None:
                continue
            for place, fold in enumerate(pools):
                if fold is not None and all(fold is not own for own in part.folds):
                    continue
                for name, chosen in texts.items():
                    rows = list(chosen) if fold is None else [n for n in chosen if n in set(fold.test.tolist())]
                    table = _table(context, part, {row: chosen[row] for row in rows}, name, _protocol(protocol, fold))
                    if table is not None:
                        found.setdefault((place, name), []).append(replace(table, ks=tuple(sorted(set(ks)))))
    order = [(place, name) for place in range(len(pools)) for name in texts]
    return [table for key in order for table in found.get(key, [])]


def _protocol(protocol: str, fold: Fold | None) -> str:
    """Folds have other clips, so a report keeps them apart."""
    return protocol if fold is None or fold.number is None else f"{protocol}.fold_{fold.number}"


def _table(context: Context, part: Part, texts: dict[int, str], name: str, protocol: str) -> RetrievalTable | None:
    labels, system = context.clips.labels, part.system
    numbers, values = part.features.take(list(texts))
    if not numbers:  # none of the fold's clips can be read
        return None
    embeds = system.encoder.embed_texts([texts[number] for number in numbers])
    return RetrievalTable(
        clip_ids=context.clip_ids(numbers),
        references=[NO_CLASS if (label := labels[number]) is None else label for number in numbers],
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


__all__ = [
    "CONTEXT",
    "EXPRESSION",
    "FULL",
    "ablation_texts",
    "caption_ablation_tables",
    "captioned_rows",
    "check_caption_ablation",
    "check_retrieval",
    "retrieval_tables",
]
