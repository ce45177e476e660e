# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the original repositories to our models and back, tensor by tensor."""

from .checkpoint import load_checkpoint
from .conversion import METHODS, convert_downstream, convert_original, to_original


__all__ = ["METHODS", "convert_downstream", "convert_original", "load_checkpoint", "to_original"]
