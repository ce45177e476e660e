# SPDX-License-Identifier: Apache-2.0
"""Detect, track and crop the faces of every clip of a manifest into squares.

    python data_scripts/crop_faces.py --manifest data/mafw.parquet --output data/mafw_faces [--workers 8]

A run that was stopped goes on where it was. What failed is listed in failures.csv of the output.
"""

import sys

from emoclip.console import run_command
from emoclip.data.faces.cli import crop_faces_main


if __name__ == "__main__":
    sys.exit(run_command(crop_faces_main))
