# SPDX-License-Identifier: Apache-2.0
"""Write a manifest and its media as a few large files, for training from network storage.

    python data_scripts/shard.py --manifest data/mafw.parquet --output data/mafw_shards [--format webdataset] [--workers 2]

A run that was stopped goes on where it was: finished shards are kept.
"""

import sys

from emoclip.console import run_command
from emoclip.data.shard_cli import shard_main


if __name__ == "__main__":
    sys.exit(run_command(shard_main))
