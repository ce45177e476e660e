# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the original repositories to our models and back, tensor by tensor.

Names are imported on first use: the help of `emoclip convert` needs no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from .checkpoint import load_checkpoint
    from .conversion import METHODS, convert_downstream, convert_original, to_original

__all__ = ["METHODS", "convert_downstream", "convert_original", "load_checkpoint", "to_original"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'emoclip.convert' has no attribute {name!r}; it has {', '.join(__all__)}.")
    home = "checkpoint" if name == "load_checkpoint" else "conversion"
    return getattr(importlib.import_module(f"emoclip.convert.{home}"), name)
