# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

import pytest

from emoclip.config_loading import load_config


ROOT = Path(__file__).parents[1]
# Those of the launcher are in Accelerate's own form, see `tests/training/test_accelerate_configs.py`.
LAUNCHER = ROOT / "configs" / "accelerate"
CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*.y*ml") if LAUNCHER not in path.parents)


def schema(path):
    """Returns the dataclass that the file fills; its folder says which."""
    kind = path.relative_to(ROOT / "configs").parts[0]
    if kind == "train":
        from emoclip.training.config import TrainConfig

        return TrainConfig
    if kind == "distill":
        from emoclip.distillation.config import DistillConfig

        return DistillConfig
    from emoclip.evaluation.config import EvaluationConfig

    return EvaluationConfig


def test_every_kind_exists():
    """An empty folder would make the other tests here pass with nothing checked."""
    assert {path.relative_to(ROOT / "configs").parts[0] for path in CONFIGS} == {"train", "distill", "eval"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_loads(path):
    """A key that was renamed in the code leaves a file that fails when somebody starts the run."""
    load_config(schema(path), path)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_starts_with_its_command(path):
    """The first line a reader needs is the command; a file that names another file's command misleads."""
    header = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        header.append(line)
    commands = re.findall(r"(?:train\.py|evaluate\.py|emoclip distill) .*--config (\S+)", "\n".join(header))
    assert str(path.relative_to(ROOT)) in commands
