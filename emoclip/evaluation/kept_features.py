# SPDX-License-Identifier: Apache-2.0
"""Features of clips that are kept, a chunk of clips at a time, so that no video is decoded twice and a stopped run goes on.

    features/<system>/<chunk>.safetensors    float32 (clips, F) of the clips that could be read; errors of the others beside

Both names are checksums of all that the numbers depend on: weights, frames, number format and code; the content of the clips. So what
changed is computed again, and nothing has to be cleared.

Why not the store of `emoclip.features`: that one keeps every frame that training may draw, of one image tower at a time. Evaluation
wants one vector a clip of many systems from one decoding, X-CLIP among them, whose visual tokens are no frames, and runs that were
stopped must tell again which clips could not be read. Of 32 frames a clip this is a 32nd of the space. The content of a clip has the
same key in both.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from emoclip.data.output import replacing
from emoclip.features.clip_keys import KEY_BYTES, clip_keys


if TYPE_CHECKING:
    import datasets


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


def chunk_name(rows: datasets.Dataset, *, with_boxes: bool) -> str:
    """A checksum of the content of clips in their order, see `emoclip.features.clip_keys`.

    Args:
        rows: Of the clips, as `emoclip.data.load` gives them.
        with_boxes: Whether the boxes of the subject belong to the content.
    """
    keys, missing = clip_keys(rows, boxes=with_boxes)
    # The sentence names the file, so that a file that comes back is another content.
    digest = hashlib.sha256(json.dumps(missing).encode())
    for key in keys.tolist():
        digest.update(key.ljust(KEY_BYTES))
    return digest.hexdigest()


__all__ = ["CHUNK_SIZE", "Chunk", "KeptFeatures", "chunk_name"]
