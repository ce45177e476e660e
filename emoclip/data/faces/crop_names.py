# SPDX-License-Identifier: Apache-2.0
"""Names of crops on disk: made from clip ids, safe on every file system, different for different ids."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath


MAX_BYTES = 100
HASH_LENGTH = 10
# Letters and digits of any script stay; what a shell, a URL or Windows takes otherwise does not.
UNSAFE = re.compile(r"[^\w.+=@,#-]")
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_name(part: str) -> str:
    """Return a name for one part of a clip id, at most `MAX_BYTES` long in UTF-8; a changed one ends in a hash of the part."""
    name = UNSAFE.sub("_", unicodedata.normalize("NFC", part))
    name = re.sub(r"^[.-]|[.]$", "_", name) or "_"
    if DEVICES.fullmatch(name):
        name = f"_{name}"
    if name == part and len(name.encode()) <= MAX_BYTES:
        return name
    return with_hash(name, part)


def with_hash(name: str, source: str) -> str:
    """Return the name, shortened if need be, with a hash of `source` behind it."""
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]
    room = MAX_BYTES - HASH_LENGTH - 1
    # A cut through the bytes of a letter loses that letter.
    return f"{name.encode()[:room].decode(errors='ignore')}-{digest}"


def crop_names(clip_ids: Iterable[str]) -> dict[str, str]:
    """Return a relative path for every clip id; slashes make folders.

    No path is another's folder, and none differs from another in case alone, which some file systems do not tell apart.
    """
    names = {clip: "/".join(map(safe_name, clip.split("/"))) for clip in clip_ids}
    folders = {str(folder).casefold() for name in names.values() for folder in PurePosixPath(name).parents}
    taken: set[str] = set()
    for clip, name in names.items():
        if name.casefold() in folders or name.casefold() in taken:
            folder, _, last = name.rpartition("/")
            names[clip] = f"{folder}/{with_hash(last, clip)}" if folder else with_hash(last, clip)
        taken.add(names[clip].casefold())
    return names


__all__ = ["crop_names", "safe_name"]
