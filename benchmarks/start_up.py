# SPDX-License-Identifier: Apache-2.0
"""Seconds until `emoclip --help` and the help of each command have answered, beside a bare Python and an import of torch.

python benchmarks/start_up.py
"""

import json
import statistics
import subprocess
import sys
import time

from emoclip.commands import COMMANDS


REPEATS = 7


def main() -> None:
    """Print one JSON line."""
    emoclip = [sys.executable, "-m", "emoclip.cli"]
    line = {
        "benchmark": "start_up",
        "help_s": median([*emoclip, "--help"]),
        "python_s": median([sys.executable, "-c", "pass"]),
        "torch_s": median([sys.executable, "-c", "import torch"], repeats=2),
        "command_help_s": {name: median([*emoclip, name, "--help"], repeats=2) for name in COMMANDS},
    }
    print(json.dumps(line))


def median(command: list[str], *, repeats: int = REPEATS) -> float:
    """Median seconds of a command; a first run that fills the disk's cache is not counted."""
    seconds = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - begin)
    return round(statistics.median(seconds[1:]), 3)


if __name__ == "__main__":
    main()
