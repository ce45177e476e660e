# SPDX-License-Identifier: Apache-2.0
"""Reading of checkpoint files without running any code that a file may carry."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file


# Under which key training archives keep the model, see EmotionCLIP `src/trainer.py`.
ARCHIVE_PARTS = ("model", "state_dict", "model_state_dict")


def load_checkpoint(path: str | Path) -> dict[str, torch.Tensor]:
    """Return the state dict of a file: safetensors, a `torch.save` file, a training archive or TorchScript.

    A pickle is read with `weights_only=True`. One that wants code is refused, because loading it would run that code.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, wants code, or holds no state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"The checkpoint must be a file, got {path}.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if _is_torchscript(path):
            # OpenAI publishes CLIP in this form; it holds a restricted language, not Python's pickle of anything.
            return dict(torch.jit.load(path, map_location="cpu").state_dict())
        return _state_dict(torch.load(path, map_location="cpu", weights_only=True), path)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"The checkpoint must hold tensors and plain values only; {path} wants code to be run: {_reason(error)}. If you "
            "trust its origin, open it yourself and save its state dict alone by `torch.save(model.state_dict(), ...)`."
        ) from error
    except (SafetensorError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"The checkpoint must be whole, {path} cannot be read ({_first_line(error)}); download it again."
        ) from error


def _state_dict(content: Any, path: Path) -> dict[str, torch.Tensor]:
    """The tensors, which may lie one level deeper."""
    for part in ARCHIVE_PARTS:
        if isinstance(content, Mapping) and isinstance(content.get(part), Mapping):
            content = content[part]
            break
    if not isinstance(content, Mapping) or not content:
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
    return next(
        (line for line in lines if "GLOBAL" in line or "Unsupported" in line), lines[0] if lines else "unknown"
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


__all__ = ["load_checkpoint"]
