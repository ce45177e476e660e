# SPDX-License-Identifier: Apache-2.0
"""Which version of a repository on the Hub was read."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import ResolvedRevision
from transformers.utils.hub import resolve_revision


def hub_commit(name: str | Path | None, revision: str | None = None) -> str | None:
    """Return the commit that was last read of a repository, or `None` for a folder and for what was never read.

    The Hub is not asked: it may have moved on since the files were read, and the commit of those is in the cache.

    Args:
        name: Hub id, or a folder.
        revision: Branch, tag or commit; the default branch by default.
    """
    found = resolve_revision(name or None, revision, local_files_only=True)
    return found.resolved if isinstance(found, ResolvedRevision) else None


__all__ = ["hub_commit"]
