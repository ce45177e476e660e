# SPDX-License-Identifier: Apache-2.0
"""Put a data set on the Hub: what its licence allows, never gated media, with a data set card.

    python data_scripts/push_dataset.py --manifest data/ravdess.parquet --repo me/ravdess --dry-run
    python data_scripts/push_dataset.py --manifest data/ravdess.parquet --repo me/ravdess [--shards DIR] [--public]

The repository is private unless `--public` says otherwise.
"""

import sys

from emoclip.console import run_command
from emoclip.data.push_cli import push_main


if __name__ == "__main__":
    sys.exit(run_command(push_main))
