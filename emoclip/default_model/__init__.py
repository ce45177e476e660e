# SPDX-License-Identifier: Apache-2.0
"""The embedded default: a small model trained on rendered faces, packaged so that first use needs no download.

It shows the whole path and serves as a regression test. It knows nothing of real faces. `model/README.md` states the
command, the seed and the commit that made it.
"""

from __future__ import annotations

from pathlib import Path


def path() -> Path:
    """Return the Hub folder of the embedded default.

    Raises:
        FileNotFoundError: The folder is not part of this installation.
    """
    folder = Path(__file__).parent / "model"
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"The embedded default model must lie in {folder}, but it is not there; reinstall emoclip or name a model."
        )
    return folder
