# SPDX-License-Identifier: Apache-2.0
"""The commands of `emoclip`, one file each: `build_parser()` gives the arguments, `main(argv)` does the work.

This file is read by `emoclip --help`, so it imports nothing that takes time.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class Command:
    """Where a command is and what the list of commands says of it."""

    module: str
    help: str

    def load(self) -> ModuleType:
        """Return the module, with `build_parser()` and `main(argv)`."""
        return importlib.import_module(self.module)


COMMANDS = {
    "analyze": Command("emoclip.commands.analyze", "score videos with words of your own"),
    "batch": Command("emoclip.commands.batch", "score folders of thousands of videos, resumable"),
    "calibrate": Command(
        "emoclip.commands.calibrate", "fit temperature and priors of words from clips without labels"
    ),
    "webcam": Command("emoclip.commands.webcam", "score a camera as it films"),
    "search": Command("emoclip.commands.search", "find moments in videos by words"),
    "embed": Command("emoclip.commands.embed", "write videos or texts as vectors"),
    "doctor": Command("emoclip.commands.doctor", "versions, decoders, what this computer can do, and a self-test"),
    "train": Command("emoclip.training.cli", "train a model"),
    "distill": Command("emoclip.distillation.cli", "fit Exp-CLIP's projection to an LLM's features or to captions"),
    "average": Command("emoclip.training.weight_averaging", "average the weights of two models"),
    "evaluate": Command("emoclip.evaluation.cli", "judge a model on labelled clips"),
    "report": Command("emoclip.evaluation.report_cli", "reports from prediction tables, and runs compared"),
    "data": Command("emoclip.data.cli", "prepare, check, crop, shard and publish data sets"),
    "dialogue": Command("emoclip.dialogue.cli", "make captioned clips of films with subtitles"),
    "convert": Command("emoclip.convert.cli", "convert a released checkpoint to a Hub folder, or back"),
    "export": Command("emoclip.commands.export", "write a model for ONNX Runtime or OpenVINO"),
    "push": Command("emoclip.commands.push", "put a model folder or the browser demo on the Hub"),
    "metric-space": Command("emoclip.metrics.space_cli", "write one of our metrics as a Space, or push it"),
    "demo": Command("emoclip.demo.launch", "open the demo in a browser"),
    "completion": Command("emoclip.commands.completion", "print the completion of a shell"),
}

__all__ = ["COMMANDS", "Command"]
