# SPDX-License-Identifier: Apache-2.0
"""The Hugging Face Space: python app.py. The page itself is `emoclip.demo`, from the wheel beside this file where there is one."""

import atexit
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path


def use_wheel(folder: Path) -> None:
    """Put the package of a wheel first on the path: a Space installs its requirements before its files are there."""
    for wheel in sorted(folder.glob("emoclip-*.whl"))[-1:]:
        unpacked = tempfile.mkdtemp(prefix="emoclip-wheel-")
        atexit.register(shutil.rmtree, unpacked, ignore_errors=True)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        sys.path.insert(0, unpacked)


if __name__ == "__main__":
    use_wheel(Path(__file__).resolve().parent)
    from emoclip.demo.launch import main

    raise SystemExit(main(sys.argv[1:]))
