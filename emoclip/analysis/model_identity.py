# SPDX-License-Identifier: Apache-2.0
"""What tells a model from every other, for results that are kept and gone on with."""

from __future__ import annotations

import hashlib
from pathlib import Path

from emoclip.default_model import path as default_folder
from emoclip.hub_commit import hub_commit

from .source_model import check_emoclip


# The files of a model folder by which a video's numbers are made; cards and logs beside them may change.
PATTERNS = ("config.json", "*.safetensors", "*.bin", "*processor*.json", "tokenizer*", "vocab*", "merges*")


def model_key(model: str | Path | None) -> str:
    """Return a hash of a folder's weights and settings, or the commit on the Hub.

    Args:
        model: As a command's `--model`.

    Raises:
        FileNotFoundError, ValueError: There is no such model, or it is of another kind.
    """
    name = default_folder() if model is None else model
    check_emoclip(name)
    folder = Path(name)
    if not folder.is_dir():
        return hub_commit(name) or str(name)
    digest = hashlib.sha256()
    for path in sorted({path for pattern in PATTERNS for path in folder.glob(pattern) if path.is_file()}):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


__all__ = ["model_key"]
