# SPDX-License-Identifier: Apache-2.0
"""Text embeddings kept on disk between runs: the same words by the same weights are encoded once.

One SQLite file below `EMOCLIP_CACHE` (`~/.cache/emoclip` if unset), which several processes may use at once. `EMOCLIP_CACHE=off`
keeps nothing. The file holds what was typed; delete it whenever you like.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emoclip.hub_commit import hub_commit
from modeling_emoclip.prototypes_emoclip import PrototypeEncoder


CACHE_VARIABLE = "EMOCLIP_CACHE"
OFF = "off"
FILE_NAME = "prototypes.sqlite"
# Seconds that a process waits for another one to finish writing.
TIMEOUT = 10.0
# Numbers of each tensor that tell weights apart whose files look the same.
SAMPLES = 8


class StoredPrototypeEncoder(PrototypeEncoder):
    """A prototype encoder that also keeps texts on disk.

    Args:
        model: As for `PrototypeEncoder`.
        processor: As for `PrototypeEncoder`.
        file: The SQLite file; made when something is kept.
    """

    def __init__(self, model: Any, processor: Any, file: Path):
        super().__init__(model, processor)
        self.file = file

    def _run(self, texts: list[str]) -> torch.Tensor:
        key = weights_key(self.model)
        if key is None:
            return super()._run(texts)
        try:
            found = self._read(key, texts)
        except (sqlite3.Error, OSError):
            # A cache that cannot be used costs time, not results.
            return super()._run(texts)
        missing = [text for text in texts if text not in found]
        if missing:
            embeds = super()._run(missing)
            found.update(zip(missing, embeds, strict=True))
            self._write(key, missing, embeds)
        return torch.stack([found[text] for text in texts])

    def _read(self, key: str, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        if not self.file.is_file():
            return {}
        marks = ",".join("?" * len(texts))
        with closing(sqlite3.connect(self.file, timeout=TIMEOUT)) as connection:
            rows = connection.execute(
                f"SELECT text, embed FROM prototypes WHERE weights = ? AND text IN ({marks})",
                (key, *texts),
            ).fetchall()
        return {text: torch.from_numpy(np.frombuffer(embed, dtype=np.float32).copy()) for text, embed in rows}

    def _write(self, key: str, texts: Sequence[str], embeds: torch.Tensor) -> None:
        rows = [
            (key, text, embed.numpy().astype(np.float32).tobytes()) for text, embed in zip(texts, embeds, strict=True)
        ]
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.file, timeout=TIMEOUT)) as connection, connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS prototypes (weights TEXT, text TEXT, embed BLOB, PRIMARY KEY (weights, text))"
                )
                connection.executemany("INSERT OR REPLACE INTO prototypes VALUES (?, ?, ?)", rows)
        except (sqlite3.Error, OSError):
            return  # a full or read-only disk: the words are encoded anew next time


def prototype_encoder(model: Any, processor: Any) -> PrototypeEncoder:
    """Return an encoder that keeps texts on disk, unless `EMOCLIP_CACHE=off`."""
    folder = os.environ.get(CACHE_VARIABLE) or "~/.cache/emoclip"
    if folder == OFF:
        return PrototypeEncoder(model, processor)
    return StoredPrototypeEncoder(model, processor, Path(folder).expanduser() / FILE_NAME)


def weights_key(model: Any) -> str | None:
    """Return what tells these text weights from others, or `None` where nothing certain does.

    The Hub's commit, or path, size and time of the weight files; and some numbers of each tensor, for weights that were changed
    after loading.
    """
    name = getattr(model, "name_or_path", "")
    source = hub_commit(name) or _files(name)
    if not source:
        return None
    digest = hashlib.sha256(str(source).encode())
    for name, tensor in model.named_parameters():
        if "text_" in name or "expression_projection" in name:
            if tensor.is_meta:
                return None
            flat = tensor.detach().flatten()
            digest.update(flat[:: max(1, len(flat) // SAMPLES)].float().cpu().numpy().tobytes())
    return digest.hexdigest()


def _files(name: str) -> str:
    folder = Path(name or "/nowhere")
    if not folder.is_dir():
        return ""
    facts = [
        (file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(folder.glob("*.safetensors"))
    ]
    tokenizers = [(file.name, file.stat().st_mtime_ns) for file in sorted(folder.glob("tokenizer*"))]
    return f"{folder.resolve()} {facts} {tokenizers}" if facts else ""


__all__ = ["CACHE_VARIABLE", "StoredPrototypeEncoder", "prototype_encoder", "weights_key"]
