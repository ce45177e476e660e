# SPDX-License-Identifier: Apache-2.0
"""Write the manifest of a data set: `python data_scripts/prepare.py --dataset mafw --root /data/MAFW --output data/mafw.parquet`."""

import sys

from emoclip.console import run_command
from emoclip.data.cli import prepare_main


if __name__ == "__main__":
    sys.exit(run_command(prepare_main))
