# SPDX-License-Identifier: Apache-2.0
"""Decode every clip of a manifest and list what fails.

    python data_scripts/check_media.py --manifest data/mafw.parquet --output data/mafw.media.parquet [--workers 2]

A run that was stopped goes on where it was. `--exclude FILE` also writes the ids that failed, for `prepare.py --exclude-ids`.
"""

import sys

from emoclip.console import run_command
from emoclip.data.cli import check_media_main


if __name__ == "__main__":
    sys.exit(run_command(check_media_main))
