# SPDX-License-Identifier: Apache-2.0
"""Fetching released files that have a stable public address."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from tqdm import tqdm


CHUNK = 1 << 20
TIMEOUT = 60  # seconds without an answer

# The repository as it was described; a later commit may move the files.
_EXPCLIP = "https://github.com/zengqunzhao/Exp-CLIP/raw/23ace53ca7cebaaa3964ccbf526ea746c89aadba/checkpoint"
RELEASED_FILES = {
    f"ExpCLIP_{base}_model.pth": f"{_EXPCLIP}/ExpCLIP_{base}_model.pth" for base in ("B32", "B16", "L14")
}
# Behind pages that ask a browser to confirm.
PAGES = {
    "emoclip": "https://drive.google.com/file/d/1cPgE0FlBCw5cvXq4-YEM6tUhE1-j8MS3/view",
    "emotionclip": "https://github.com/Xeaver/EmotionCLIP#testing",
}


def download(method: str, target: str | Path) -> Path:
    """Fetch a released file by its name to `target` and return the path; a file that is there is left as it is.

    The file is written under a temporary name and renamed when it is complete.

    Raises:
        ValueError: No stable address is known for that name, or the server cannot be reached or breaks off.
    """
    target = Path(target)
    if method in PAGES:
        raise ValueError(
            f"`--download` must be left out for {method}: its file has no stable address. Get it by a browser from "
            f"{PAGES[method]} and name the file."
        )
    if target.name not in RELEASED_FILES:
        raise ValueError(f"The file to download must be one of {', '.join(RELEASED_FILES)}, got {target.name}.")
    return target if target.is_file() else fetch(RELEASED_FILES[target.name], target)


def fetch(address: str, target: Path) -> Path:
    """Fetch an address to a file, with a bar; see `download`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer, partial.open("wb") as file:
            length = int(answer.headers.get("Content-Length") or 0) or None
            with tqdm(total=length, unit="B", unit_scale=True, desc=target.name, disable=None) as bar:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
                received = bar.n if not bar.disable else file.tell()
        if length is not None and received != length:
            raise ValueError(f"{address} must give {length} bytes, got {received}; try again.")
        partial.replace(target)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise ValueError(f"{address} must be reachable, got: {error}; get the file by hand and name it.") from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def sha256(path: Path) -> str:
    """Return the file's fingerprint, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


__all__ = ["PAGES", "RELEASED_FILES", "download", "fetch", "sha256"]
