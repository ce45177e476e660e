# SPDX-License-Identifier: Apache-2.0
"""A small random teacher on disk, rendered stills and clips, and a configuration that distils the one into a tiny CLIP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


WIDTH, SIDE = 40, 28


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory) -> Path:
    """BLIP-2 Flan-T5 of the real classes, 40 wide, for pictures of 28 pixels."""
    from emoclip.synthetic.tiny_teacher import save_tiny_teacher

    return save_tiny_teacher(tmp_path_factory.mktemp("teacher"), width=WIDTH, image_size=SIDE, seed=3)


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Path:
    """22 training clips and 26 stills, rendered."""
    from emoclip.synthetic.render import World, render_world

    folder = tmp_path_factory.mktemp("world")
    render_world(folder, World(train_clips=22, test_clips=11, stills=26), workers=1)
    return folder


@pytest.fixture
def distill_values(
    world: Path, teacher_folder: Path, tiny_model_folder: Path, tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """Returns a function that gives a run as plain mappings, with changes such as `fit__epochs=2`."""

    def values(**changes: Any) -> dict[str, Any]:
        run: dict[str, Any] = {
            "output_dir": str(tmp_path / "run"),
            "model": {"init": "emoclip", "name": str(tiny_model_folder)},
            "data": {"manifest": str(world / "stills.parquet"), "num_workers": 0},
            "teachers": [{"name": str(teacher_folder), "precision": "float32", "batch_size": 5}],
            "fit": {"batch_size": 8, "epochs": 2},
        }
        for key, value in changes.items():
            *parents, last = key.split("__")
            target = run
            for parent in parents:
                target = target.setdefault(parent, {})
            target[last] = value
        return run

    return values


@pytest.fixture
def make_run(distill_values: Callable) -> Callable[..., Any]:
    """Returns a function that builds such a run."""
    from emoclip.config_loading import load_config
    from emoclip.distillation.config import DistillConfig
    from emoclip.distillation.run import DistillationRun

    def make(**changes: Any) -> Any:
        values = distill_values(**changes)
        path = Path(values["output_dir"]).parent / "run.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return DistillationRun(load_config(DistillConfig, path), show_progress=False)

    return make


@pytest.fixture
def write_run(distill_values: Callable, tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes such a run as YAML and returns the file."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump(distill_values(**changes)), encoding="utf-8")
        return path

    return write
