# SPDX-License-Identifier: Apache-2.0
"""A model that cannot be found is named: what transformers says of it often names the Hub alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading(what: str, name: str) -> Iterator[None]:
    """A block that loads a model.

    Args:
        what: The model's part, such as "sentiment model".
        name: Hub id or folder.

    Raises:
        FileNotFoundError: It cannot be found or read.
    """
    try:
        yield
    except OSError as error:
        raise FileNotFoundError(
            f"The {what} must be a folder of transformers or a Hub id that can be reached, got {name!r}; check the spelling and "
            "the network."
        ) from error


__all__ = ["loading"]
