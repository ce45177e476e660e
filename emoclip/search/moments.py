# SPDX-License-Identifier: Apache-2.0
"""The windows of an index that are most similar to a text; an index is a batch whose form is `embeds.parquet`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch

from emoclip.analysis.prototypes import read_words
from emoclip.analysis.scoring import similarities
from emoclip.analysis.source_model import LoadedModel, scoring
from emoclip.analysis.words import parse_emotions, read_emotions


FORM = "embeds.parquet"
COLUMNS = ["query", "rank", "similarity", "video", "person", "start", "end", "quality", "mark"]


def find_moments(
    files: Sequence[Path],
    queries: Sequence[str],
    loaded: LoadedModel,
    *,
    top: int = 10,
    prompt: str = "auto",
    min_quality: float = 0.0,
) -> pd.DataFrame:
    """Return the most similar moments for each text: `COLUMNS`, best first.

    Windows of one person that overlap with a better one are left out: neighbours show the same moment.

    Args:
        files: Of the index, written with `embeds.parquet`; one is held at a time.
        queries: Texts.
        loaded: The model that the index was made with.
        top: Moments for each text.
        prompt: How a text becomes what the model reads, see `emoclip.analysis.words.word_trees`.
        min_quality: Leave out faces of a lower quality.

    Raises:
        ValueError: `top` is not positive, a text cannot be used, or the index is of a model of another width.
    """
    texts = check_queries(queries, top)
    with scoring(loaded.model):
        words = read_words(read_emotions(texts), loaded, prompt=prompt)
    found: dict[str, pd.DataFrame] = {text: pd.DataFrame(columns=COLUMNS[2:]) for text in texts}
    for table, embeds in _read(files):
        if embeds.shape[1] != words.prototypes.vectors.shape[1]:
            raise ValueError(
                f"The index must be of this model, its windows have {embeds.shape[1]} dimensions and the model "
                f"{words.prototypes.vectors.shape[1]}; name another --index."
            )
        scores = similarities(embeds, words.prototypes.vectors).numpy()
        for place, text in enumerate(texts):
            scored = table.assign(similarity=scores[:, place])
            found[text] = _best(found[text], scored[scored["quality"].fillna(1.0) >= min_quality], top)
    ranked = [
        part.assign(query=text, rank=range(1, len(part) + 1)).reindex(columns=COLUMNS) for text, part in found.items()
    ]
    return pd.concat(ranked, ignore_index=True)


def check_queries(queries: Sequence[str], top: int) -> list[str]:
    """Return the texts tidied, before anything is read.

    Raises:
        ValueError: `top` is not positive, or a text cannot be used.
    """
    if top < 1:
        raise ValueError(f"`top` must be at least 1, got {top}.")
    return list(read_emotions(parse_emotions(list(queries))).names)


def _read(files: Sequence[Path]) -> Iterator[tuple[pd.DataFrame, torch.Tensor]]:
    for path in files:
        table = pq.read_table(path).to_pandas()
        table = table[table["mark"] != "no face"]
        if len(table):
            yield table.drop(columns="embed"), torch.from_numpy(np.stack(table["embed"].to_list()).astype(np.float32))


def _best(known: pd.DataFrame, new: pd.DataFrame, top: int) -> pd.DataFrame:
    """The best of both that do not overlap, `top` at most."""
    parts = [part[COLUMNS[2:]] for part in (known, new) if len(part)]
    if not parts:
        return known
    candidates = pd.concat(parts, ignore_index=True).sort_values("similarity", ascending=False, kind="stable")
    chosen: list[Any] = []
    for row in candidates.itertuples(index=False):
        if not any(_same_moment(row, other) for other in chosen):
            chosen.append(row)
        if len(chosen) == top:
            break
    return pd.DataFrame(chosen, columns=COLUMNS[2:])


def _same_moment(first: Any, second: Any) -> bool:
    same = (first.video, first.person) == (second.video, second.person)
    return same and first.start < second.end and second.start < first.end


__all__ = ["COLUMNS", "FORM", "check_queries", "find_moments"]
