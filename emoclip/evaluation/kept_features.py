# SPDX-License-Identifier: Apache-2.0
"""Features of clips that are kept, a chunk of clips at a time, so that no video is decoded twice and a stopped run goes on.

    features/<system>/<chunk>.safetensors    float32 (clips, F) of the clips that could be read; errors of the others beside

Both names are checksums of all that the numbers depend on: weights, frames and number format; the files with their sizes and times.
So what changed is computed again, and nothing has to be cleared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from emoclip.data.output import replacing


CHUNK_SIZE = 64


@dataclass(frozen=True)
class Chunk:
    """Features of one chunk of clips.

    Args:
        features: float32 (clips that could be read, F).
        good: Their places in the chunk.
        errors: Place in the chunk -> sentence, for the others.
    """

    features: torch.Tensor
    good: list[int]
    errors: dict[int, str] = field(default_factory=dict)


class KeptFeatures:
    """Chunks by the names of their system and clips, in memory or in a folder.

    Args:
        folder: Where they are kept, made with the first chunk; None keeps them in memory.
    """

    def __init__(self, folder: Path | None = None):
        self.folder = folder
        self._chunks: dict[tuple[str, str], Chunk] = {}

    def has(self, system: str, chunk: str) -> bool:
        """Whether a chunk is kept."""
        if self.folder is None:
            return (system, chunk) in self._chunks
        return self._path(system, chunk).is_file()

    def put(self, system: str, chunk: str, content: Chunk) -> None:
        """Keep a chunk, which appears whole or not at all."""
        if self.folder is None:
            self._chunks[system, chunk] = content
            return
        path = self._path(system, chunk)
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {"good": json.dumps(content.good), "errors": json.dumps(content.errors, ensure_ascii=False)}
        with replacing(path) as temporary:
            save_file({"features": content.features.contiguous()}, temporary, metadata=about)

    def get(self, system: str, chunk: str) -> Chunk:
        """The chunk that was kept.

        Raises:
            FileNotFoundError: If there is none.
        """
        if self.folder is None:
            return self._chunks[system, chunk]
        with safe_open(self._path(system, chunk), "pt") as file:
            about = file.metadata()
            errors = {int(place): error for place, error in json.loads(about["errors"]).items()}
            return Chunk(file.get_tensor("features"), json.loads(about["good"]), errors)

    def _path(self, system: str, chunk: str) -> Path:
        return (self.folder or Path()) / system[:32] / f"{chunk[:32]}.safetensors"


def chunk_name(rows: Sequence[Mapping[str, Any]], *, with_boxes: bool) -> str:
    """A checksum of the media behind rows: files with their sizes and times, stretches and, for masks, boxes."""
    digest = hashlib.sha256()
    for row in rows:
        place = (row.get("start_frame"), row.get("end_frame"), row.get("frame_name"))
        digest.update(repr((row.get("file"), _state(row.get("file")), place)).encode())
        if with_boxes:
            digest.update(repr(row.get("boxes")).encode())
    return digest.hexdigest()


def _state(file: str | None) -> tuple[int, int] | None:
    try:
        state = Path(file or "").stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


__all__ = ["CHUNK_SIZE", "Chunk", "KeptFeatures", "chunk_name"]
