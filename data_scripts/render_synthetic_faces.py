# SPDX-License-Identifier: Apache-2.0
"""Render the embedded default's world: short clips and stills of faces whose action units move, with captions.

    python data_scripts/render_synthetic_faces.py --output outputs/synthetic
    python data_scripts/render_synthetic_faces.py --output outputs/synthetic --shard 1/4     # and 2/4, 3/4, 4/4 in parallel
    python data_scripts/render_synthetic_faces.py --contact-sheet docs/images/synthetic_faces.png

Writes clips.parquet (manifest; 1,320 training and 440 test clips of 64 frames), stills.parquet (manifest; 20,000 stills) and
tokenizer/. An interrupted run goes on where it stopped.
"""

import sys

from emoclip.console import require, run_command


def main(argv: list[str] | None = None) -> None:
    """Render what the arguments ask for; says which extra is missing before anything is drawn."""
    require("cv2", "data")
    from emoclip.synthetic.cli import main as render

    render(argv)


if __name__ == "__main__":
    sys.exit(run_command(main))
