# SPDX-License-Identifier: Apache-2.0
"""Pairs for the fit: CLIP's features in memory, the teachers' read from disk as they are needed, captions drawn each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.nn.functional import normalize

from emoclip.distillation.fitting import PairBatch
from emoclip.distillation.mapped_features import MappedFeatures


@dataclass(frozen=True)
class Captions:
    """Features of captions.

    Args:
        embeds: (captions, D), those of one row after those of another.
        starts: int64 (rows + 1,), where each row's begin.
    """

    embeds: torch.Tensor
    starts: np.ndarray

    def counts(self) -> np.ndarray:
        """How many captions each row has, int64 (rows,)."""
        return np.diff(self.starts)


class FeaturePairs:
    """Pictures that every teacher, CLIP and, where they are used, a caption know.

    Args:
        embeds: CLIP's features of each row's pictures, (n, D) each, `None` where they could not be read.
        teachers: Features by each teacher and instruction; averaged with length 1 each.
        captions: Of the rows; a row without any is left out.
        level: `frame` pairs single frames, `clip` the one embedding of the clip with the teacher's mean.
        seed: Of the captions that are drawn.

    Raises:
        ValueError: No picture is left.
    """

    def __init__(
        self,
        embeds: Sequence[torch.Tensor | None],
        teachers: Sequence[MappedFeatures],
        captions: Captions | None = None,
        *,
        level: Literal["frame", "clip"] = "frame",
        seed: int = 0,
    ):
        self.teachers, self.captions, self.level, self.seed = list(teachers), captions, level, seed
        good = np.array([row for row, part in enumerate(embeds) if part is not None], dtype=np.int64)
        good = good[np.all([teacher.present[good] for teacher in self.teachers], axis=0)] if self.teachers else good
        if captions is not None:
            good = good[captions.counts()[good] > 0]
        if not len(good):
            raise ValueError(f"At least one picture must be readable and known to all, got none of {len(embeds)}.")
        chosen = [part for part in (embeds[row] for row in good) if part is not None]
        lengths = np.array([len(part) for part in chosen])
        self._check_frames(good, lengths)
        self.embeds = torch.cat(chosen)
        self.rows = np.repeat(good, lengths)
        self.frames = np.concatenate([np.arange(length) for length in lengths])
        self._drawn: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def num_clips(self) -> int:
        """Rows of the table that have a pair."""
        return len(np.unique(self.rows))

    def batch(self, indices: torch.Tensor, epoch: int = 0) -> PairBatch:
        """The pairs of these numbers, float32; of several captions the one drawn for the epoch."""
        numbers = indices.numpy()
        teacher = None
        if self.teachers:
            parts = [normalize(self._teacher(source, numbers), dim=-1) for source in self.teachers]
            teacher = torch.stack(parts).mean(dim=0) if len(parts) > 1 else parts[0]
        captions = None
        if self.captions is not None:
            captions = self.captions.embeds[torch.from_numpy(self._caption_numbers(epoch)[numbers])].float()
        return PairBatch(self.embeds[indices].float(), teacher, captions)

    def _teacher(self, source: MappedFeatures, numbers: np.ndarray) -> torch.Tensor:
        if self.level == "clip":
            return source.means(self.rows[numbers])
        return source.frames(self.rows[numbers], self.frames[numbers])

    def _caption_numbers(self, epoch: int) -> np.ndarray:
        """Which caption each pair has in an epoch, a pure function of (seed, epoch)."""
        if self._drawn is None or self._drawn[0] != epoch:
            captions = self.captions
            if captions is None:
                raise ValueError("Captions must be given to be drawn, got none.")
            share = np.random.default_rng([self.seed, epoch]).random(len(self))
            drawn = (share * captions.counts()[self.rows]).astype(np.int64)
            self._drawn = (epoch, captions.starts[self.rows] + drawn)
        return self._drawn[1]

    def _check_frames(self, rows: np.ndarray, lengths: np.ndarray) -> None:
        """Both sides sample by one rule from one file; a difference means that a file was changed in between."""
        if self.level == "clip":
            return
        for teacher in self.teachers:
            differing = np.flatnonzero(teacher.num_frames()[rows] != lengths)
            if len(differing):
                row = rows[differing[0]]
                raise ValueError(
                    f"Teacher and CLIP must see the same frames, got {teacher.num_frames()[row]} and "
                    f"{lengths[differing[0]]} of row {row}; remove the kept features and make them again."
                )


__all__ = ["Captions", "FeaturePairs"]
