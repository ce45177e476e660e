# SPDX-License-Identifier: Apache-2.0
"""Train an EmoCLIP model: `accelerate launch train.py --config configs/train/demo_stills.yaml [key=value ...]`."""

import sys
from pathlib import Path


if __name__ == "__main__":
    # This folder holds evaluate.py, which would hide the library of that name from every import below.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]

    from emoclip.console import run_command
    from emoclip.training.cli import main

    sys.exit(run_command(main))
