# SPDX-License-Identifier: Apache-2.0
"""Features of pictures in part files, read by memory map: any rows, without holding the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from emoclip.features.parts import PartFiles


@dataclass
class MappedFeatures:
    """One feature for each kept frame of each row of a table.

    Args:
        parts: Files.
        places: Part and row in it of each row of the table, -1 where there is nothing, int32 (rows,) each.
        width: Of a feature.
    """

    parts: PartFiles
    places: tuple[np.ndarray, np.ndarray]
    width: int

    def __post_init__(self) -> None:
        self._matrices: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    @property
    def present(self) -> np.ndarray:
        """Which rows have features, bool (rows,)."""
        return self.places[0] >= 0

    def num_frames(self) -> np.ndarray:
        """How many frames of each row are kept, int64 (rows,); 0 where there is nothing."""
        counts = np.zeros(len(self.places[0]), dtype=np.int64)
        for part in np.unique(self.places[0][self.present]):
            here = self.places[0] == part
            offsets = self._matrix(int(part))[1]
            inside = self.places[1][here]
            counts[here] = offsets[inside + 1] - offsets[inside]
        return counts

    def frames(self, rows: np.ndarray, frames: np.ndarray) -> torch.Tensor:
        """Features of single frames, float32 (n, width).

        Args:
            rows: int64 (n,), which have features.
            frames: int64 (n,), which of the kept frames of each.
        """
        result = np.empty((len(rows), self.width), dtype=np.float32)
        for part in np.unique(self.places[0][rows]):
            here = np.flatnonzero(self.places[0][rows] == part)
            matrix, offsets = self._matrix(int(part))
            result[here] = matrix[offsets[self.places[1][rows[here]]] + frames[here]]
        return torch.from_numpy(result)

    def means(self, rows: np.ndarray) -> torch.Tensor:
        """Means over all kept frames of each row, float32 (n, width)."""
        result = np.empty((len(rows), self.width), dtype=np.float32)
        for number, row in enumerate(rows):
            matrix, offsets = self._matrix(int(self.places[0][row]))
            place = self.places[1][row]
            result[number] = matrix[offsets[place] : offsets[place + 1]].astype(np.float32).mean(axis=0)
        return torch.from_numpy(result)

    def _matrix(self, part: int) -> tuple[np.ndarray, np.ndarray]:
        """A part's features (frames, width), mapped, and where each of its rows begins, with the end of the last."""
        if part not in self._matrices:
            column = self.parts.batch(part).column("embeds")
            values = column.values.to_numpy(zero_copy_only=True)
            offsets = column.offsets.to_numpy(zero_copy_only=True) // self.width
            self._matrices[part] = (values.reshape(-1, self.width), offsets)
        return self._matrices[part]


__all__ = ["MappedFeatures"]
