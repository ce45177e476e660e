# SPDX-License-Identifier: Apache-2.0
"""Reading of checkpoint files without running any code that a file may carry."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file


# Under which key training archives keep the model, see EmotionCLIP `src/trainer.py`.
ARCHIVE_PARTS = ("model", "state_dict", "model_state_dict")
# What PyTorch's messages say where a pickle asks for more than tensors; its other complaints are of damage.
WANTS_CODE = ("GLOBAL", "Can only create", "Can only build", "unrecognized function")
# Longest header that safetensors allows, in bytes.
MAX_HEADER = 100_000_000


def load_checkpoint(path: str | Path) -> dict[str, torch.Tensor]:
    """Return the state dict of a file: safetensors, a `torch.save` file, a training archive or TorchScript.

    A pickle is read with `weights_only=True`. One that wants code is refused, because loading it would run that code.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged or none of these, wants code, or holds no state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"The checkpoint must be a file, got {path}.")
    head = _first_bytes(path)
    _refuse_what_stands_for_a_file(head, path)
    return _state_dict(_content(head, path), path)


def _content(head: bytes, path: Path) -> Any:
    """What the file holds, by the form that its first bytes tell; endings of downloads are often wrong."""
    try:
        if _is_safetensors(head):
            return load_file(path)
        if _is_torchscript(path):
            # OpenAI publishes CLIP in this form; it holds a restricted language, not Python's pickle of anything.
            return dict(torch.jit.load(path, map_location="cpu").state_dict())
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # damaged files end in errors of every kind, inside pickle, zipfile and PyTorch
        if isinstance(error, pickle.UnpicklingError) and any(word in str(error) for word in WANTS_CODE):
            raise ValueError(
                f"The checkpoint must hold tensors and plain values only; {path} wants code to be run: {_reason(error)}. If "
                "you trust its origin, open it yourself and save its state dict alone by `torch.save(model.state_dict(), "
                "...)`."
            ) from error
        raise ValueError(
            f"The checkpoint must be a whole file of PyTorch or safetensors, {path} cannot be read "
            f"({_first_line(error)}); download it again."
        ) from error


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def _refuse_what_stands_for_a_file(head: bytes, path: Path) -> None:
    """Raise for what a browser or Git leaves where a large file should be."""
    if head.startswith(b"version https://git-lfs"):
        raise ValueError(
            f"The checkpoint must be the file itself, {path} cannot be read: it is a Git-LFS pointer to it; run `git lfs "
            "pull`, or download it again from the page of the file."
        )
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise ValueError(
            f"The checkpoint must be the file itself, {path} cannot be read: it is a web page, such as one that asks for a "
            "confirmation; download it again by a browser."
        )


def _is_safetensors(head: bytes) -> bool:
    """Whether the file begins with the length of a header, and the header with a brace."""
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < MAX_HEADER


def _state_dict(content: Any, path: Path) -> dict[str, torch.Tensor]:
    """The tensors, which may lie one level deeper."""
    for part in ARCHIVE_PARTS:
        if isinstance(content, Mapping) and isinstance(content.get(part), Mapping):
            content = content[part]
            break
    if not isinstance(content, Mapping) or not content or not all(isinstance(name, str) for name in content):
        raise ValueError(
            f"The checkpoint must hold a state dict, alone or under {', '.join(ARCHIVE_PARTS)}; {path} holds "
            f"{type(content).__name__}."
        )
    return dict(content)


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _reason(error: Exception) -> str:
    """The sentence of PyTorch's message that names what the pickle asks for."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if any(word in line for word in WANTS_CODE)), lines[0] if lines else "unknown")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


__all__ = ["load_checkpoint"]
