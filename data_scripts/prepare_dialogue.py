# SPDX-License-Identifier: Apache-2.0
"""Make captioned clips, with persons and sentiment, of films with subtitles: EmotionCLIP's pre-training data.

    python data_scripts/prepare_dialogue.py films/ --output data/dialogue [--workers 2]

A run that was stopped goes on where it was. Films that fail are listed in films.csv of the output.
"""

import sys

from emoclip.console import run_command
from emoclip.dialogue.cli import dialogue_main


if __name__ == "__main__":
    sys.exit(run_command(dialogue_main))
