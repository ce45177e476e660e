# SPDX-License-Identifier: Apache-2.0
"""A rendered world of a few clips and stills, and a configuration that trains on it in seconds."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Path:
    """22 training clips, 11 test clips and 26 stills."""
    from emoclip.synthetic.render import World, render_world

    folder = tmp_path_factory.mktemp("world")
    render_world(folder, World(train_clips=22, test_clips=11, stills=26), workers=1)
    return folder


@pytest.fixture(scope="session")
def scenes(tmp_path_factory) -> Path:
    """A manifest of six scenes, with the speaker's box and the sentiment of the line."""
    import numpy as np

    from emoclip.data.manifest import write_manifest
    from emoclip.synthetic.films import FILM_FPS, FilmWorld, make_scene
    from emoclip.synthetic.spoken_lines import SENTIMENT_OF, SENTIMENTS
    from emoclip.synthetic.video_file import encode_h264, write_atomically

    root = tmp_path_factory.mktemp("scenes")
    rows = []
    for number in range(6):
        scene = make_scene(FilmWorld(scenes=6, others=1), 0, number)
        frames = np.stack(list(scene.frames()))
        write_atomically(root / f"{number}.mp4", encode_h264(frames, FILM_FPS))
        said = SENTIMENTS.index(SENTIMENT_OF[scene.actors[0].emotion])
        rows.append(
            {
                "clip_id": f"scene {number}",
                "path": f"{number}.mp4",
                "media": "video",
                "split": "train",
                "captions": [scene.line],
                "boxes": [scene.box] * len(frames),
                "sentiment_logits": [4.0 * (place == said) for place in range(len(SENTIMENTS))],
            }
        )
    path = root / "scenes.parquet"
    write_manifest(path, rows, class_names=[], dataset="scenes", licence="CC0-1.0", source="rendered")
    return path


@pytest.fixture
def rewritten(world: Path, tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes a manifest of the world's clips, in which each row is changed by its number; null drops it."""
    import pyarrow.parquet as pq

    from emoclip.data.manifest import read_manifest, write_manifest

    def write(name: str, change: Callable[[int, dict[str, Any]], Any], class_names: list[str] | None = None) -> Path:
        path = tmp_path / f"{name}.parquet"
        source = read_manifest(world / "clips.parquet")
        rows = []
        for number, row in enumerate(pq.read_table(source.path).to_pylist()):
            row["path"] = os.path.relpath(world / row["path"], path.parent)
            changed = change(number, row)
            if changed is not None:
                rows.append({**row, **changed})
        write_manifest(
            path,
            rows,
            class_names=source.class_names if class_names is None else class_names,
            dataset=source.dataset,
            licence="CC0-1.0",
            source="rendered",
        )
        return path

    return write


@pytest.fixture
def tiny_run(world: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Returns a function that gives the configuration of a run on stills as plain mappings, with changes."""

    def configuration(**changes: Any) -> dict[str, Any]:
        values: dict[str, Any] = {
            "output_dir": str(tmp_path / "run"),
            "epochs": 2,
            "log_every": 2,
            "mixed_precision": "no",
            "model": {
                "init": "scratch",
                "name": None,
                "tokenizer": str(world / "tokenizer"),
                "config": {
                    "projection_dim": 10,
                    "text_config": {
                        "hidden_size": 12,
                        "intermediate_size": 17,
                        "num_hidden_layers": 1,
                        "num_attention_heads": 3,
                    },
                    "vision_config": {
                        "hidden_size": 14,
                        "intermediate_size": 19,
                        "num_hidden_layers": 1,
                        "num_attention_heads": 2,
                        "image_size": 20,
                        "patch_size": 5,
                    },
                    "temporal_config": {
                        "num_hidden_layers": 1,
                        "num_attention_heads": 2,
                        "head_dim": 7,
                        "intermediate_size": 13,
                        "max_position_embeddings": 9,
                    },
                },
                "processor": {"num_frames": 5, "frame_stride": 3},
            },
            "data": {
                "manifest": str(world / "clips.parquet"),
                "batch_size": 4,
                "num_workers": 0,
                "cache_frames": True,
            },
            "optimizer": {
                "name": "adamw",
                "lr": 1e-3,
                "backbone_lr_scale": 0.5,
                "train_text": "all",
                "schedule": "one_cycle",
            },
        }
        for key, value in changes.items():
            *parents, last = key.split("__")
            target = values
            for parent in parents:
                target = target[parent]
            target[last] = value
        return values

    return configuration


@pytest.fixture
def write_run(tiny_run: Callable, tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes such a configuration as YAML and returns the file."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump(tiny_run(**changes)), encoding="utf-8")
        return path

    return write
