# SPDX-License-Identifier: Apache-2.0
"""One line of a diagnosis, and how a check becomes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emoclip.console import describe


@dataclass(frozen=True)
class Finding:
    """What was found.

    Args:
        name: What was looked at.
        status: `ok`, `note` (works, but worth knowing) or `fail`.
        detail: What was found.
        remedy: What to do about it.
    """

    name: str
    status: str
    detail: str
    remedy: str = ""


def check(name: str, test: Callable[[], str], remedy: str = "") -> Finding:
    """Return the finding of `test`, which returns the detail and raises where something is broken.

    Args:
        name: What is looked at.
        test: The check.
        remedy: What to do where it fails.
    """
    try:
        return Finding(name, "ok", test())
    except Exception as error:  # a diagnosis tells every defect, of whatever kind, and goes on with the next check
        return Finding(name, "fail", f"{type(error).__name__}: {describe(error)}", remedy)


__all__ = ["Finding", "check"]
