# SPDX-License-Identifier: Apache-2.0
"""Manifests, and everything that turns one into training and evaluation examples."""

from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from .loading import load


def __getattr__(name: str) -> Any:
    # Loading imports torch, which help, lists and worker processes of this package do without.
    if name == "load":
        from .loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["load"]
