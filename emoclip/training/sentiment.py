# SPDX-License-Identifier: Apache-2.0
"""The sentiment of every clip's text, for the sentiment-guided loss; `emoclip.dialogue` writes it into the manifest."""

from typing import TYPE_CHECKING

import numpy as np
import torch


if TYPE_CHECKING:
    from datasets import Dataset

SENTIMENT_COLUMN = "sentiment_logits"


def sentiment_logits(rows: "Dataset", source: str) -> torch.Tensor:
    """Return the logits of all rows, float32 (rows, sentiments).

    Args:
        rows: of a manifest or of shards.
        source: their name, for errors.

    Raises:
        ValueError: the column is missing, or a row has none, another number of them, or one that is not finite.
    """
    if SENTIMENT_COLUMN not in rows.column_names:
        raise ValueError(
            f"`data.sentiment` needs the column `{SENTIMENT_COLUMN}`, {source} has only {', '.join(rows.column_names)}; "
            "data_scripts/prepare_dialogue.py writes it."
        )
    column = rows.select_columns([SENTIMENT_COLUMN]).with_format("arrow")[:][SENTIMENT_COLUMN].combine_chunks()
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(lengths != lengths[0]) if lengths[0] else np.array([0])
    if len(wrong):
        raise ValueError(
            f"Every clip needs equally many sentiments, {rows[int(wrong[0])]['clip_id']!r} of {source} has "
            f"{lengths[wrong[0]]} and the first one {lengths[0]}."
        )
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(rows), -1)
    broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(broken):
        raise ValueError(
            f"Sentiment logits must be finite, those of {rows[int(broken[0])]['clip_id']!r} in {source} are not."
        )
    return torch.from_numpy(values)


__all__ = ["SENTIMENT_COLUMN", "sentiment_logits"]
