# SPDX-License-Identifier: Apache-2.0
"""A graphics card for the length of a call, on Spaces that lend one; elsewhere the call as it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import torch


Function = TypeVar("Function", bound=Callable[..., Any])
# Seconds that a call may take there.
DURATION = 60


def on_gpu(function: Function) -> Function:
    """Return the function, run where a card is lent if this is such a Space.

    There it runs in a process of its own, so that arguments and result travel; what cannot, such as a progress bar, is left out.
    """
    if not os.environ.get("SPACES_ZERO_GPU"):
        return function
    import spaces

    @spaces.GPU(duration=DURATION)
    def lent(*args: Any) -> Any:
        return function(*(_on_card(value) for value in args))

    @wraps(function)
    def call(*args: Any) -> Any:
        return lent(*(None if callable(value) and not hasattr(value, "model") else value for value in args))

    return call  # type: ignore[return-value]


def _on_card(value: Any) -> Any:
    """A loaded model on the card, other values as they are."""
    model = getattr(value, "model", None)
    if isinstance(model, torch.nn.Module):
        model.to("cuda")
    return value


__all__ = ["on_gpu"]
