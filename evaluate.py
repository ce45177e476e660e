# SPDX-License-Identifier: Apache-2.0
"""Judge a model zero-shot: `python evaluate.py --config configs/eval/synthetic.yaml [key=value ...] [--output FOLDER]`."""

import sys
from pathlib import Path


if __name__ == "__main__":
    # This file has the name of the `evaluate` library and would hide it from every import below.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]

    from emoclip.console import run_command
    from emoclip.evaluation.cli import main

    sys.exit(run_command(main))
