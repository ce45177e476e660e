# SPDX-License-Identifier: Apache-2.0
"""A run goes on only with the files that it was begun with."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from emoclip.config_loading import load_config
from emoclip.data.manifest import read_manifest
from emoclip.training.checkpoint import find_checkpoint
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun
from emoclip.training.same_run import file_digests, flatten


def test_flatten_joins_keys_with_dots() -> None:
    """The keys in messages are those of the command line."""
    assert flatten({"a": {"b": 1, "c": {"d": 2}}, "e": [3], "f": {}}) == {"a.b": 1, "a.c.d": 2, "e": [3], "f": {}}


@pytest.fixture
def begun(world: Path, write_run: Callable[..., Path], tmp_path: Path) -> tuple[TrainConfig, Path]:
    """The configuration of a run that has a checkpoint, and the folder of the files that it names."""
    files = tmp_path / "files"
    files.mkdir()
    names = read_manifest(world / "clips.parquet", check_media=False).class_names
    (files / "texts.yaml").write_text(yaml.safe_dump({name: f"a face of {name}" for name in names}))
    first = TrainingRun(load_config(TrainConfig, write_run(max_steps=1, output_dir=str(tmp_path / "base"))))
    shutil.copytree(first.train(), files / "base")
    shutil.copytree(world, files / "world")
    changes = {
        "model": {"init": "emoclip", "name": str(files / "base")},
        "task": {"kind": "class_texts", "class_texts": str(files / "texts.yaml")},
        "validation": {
            "split": "test",
            "manifest": str(files / "world" / "clips.parquet"),
            "prompt_set": str(files / "texts.yaml"),
        },
    }
    config = load_config(TrainConfig, write_run(max_steps=2, checkpoint_every=1, **changes))
    TrainingRun(config).train()
    return config, files


@pytest.mark.parametrize("key", ["task.class_texts", "validation.manifest", "model.name"])
def test_other_contents_of_a_file_are_named_by_their_key(begun: tuple[TrainConfig, Path], key: str) -> None:
    """The path is the same, the texts, clips or weights are not: the run would belong to neither."""
    config, files = begun
    if key == "task.class_texts":
        texts = yaml.safe_load((files / "texts.yaml").read_text())
        (files / "texts.yaml").write_text(
            yaml.safe_dump({name: f"{text}, seen from afar" for name, text in texts.items()})
        )
    elif key == "validation.manifest":
        table = pq.read_table(files / "world" / "clips.parquet")
        pq.write_table(table.slice(0, len(table) - 1), files / "world" / "clips.parquet")
    else:
        base = json.loads((files / "base" / "config.json").read_text())
        (files / "base" / "config.json").write_text(json.dumps({**base, "sentiment_beta": 3.0}))
    with pytest.raises(ValueError, match=rf"other contents of .*{key} \(.*\).*, which have changed since"):
        TrainingRun(config, find_checkpoint(config.output_dir, "auto"))


def test_what_changes_no_weight_may_change(begun: tuple[TrainConfig, Path]) -> None:
    """A card that was edited, or a text file that was saved anew, must not stop anybody."""
    config, files = begun
    before = file_digests(config)
    assert before.keys() == {"task.class_texts", "validation.manifest", "validation.prompt_set", "model.name"}
    (files / "base" / "README.md").write_text("# Mine\n")
    texts = yaml.safe_load((files / "texts.yaml").read_text())
    (files / "texts.yaml").write_text(f"# Mine\n{yaml.safe_dump(texts)}")
    assert file_digests(config) == before


def test_a_run_with_a_stride_that_did_nothing_goes_on_without(write_run: Callable[..., Path]) -> None:
    """The value is refused by now without `gradient_checkpointing`, and leaving it out was another configuration."""
    config = load_config(TrainConfig, write_run(max_steps=1))
    TrainingRun(config).train()
    checkpoint = find_checkpoint(config.output_dir, "auto")
    assert checkpoint is not None
    saved = yaml.safe_load((checkpoint / "config.yaml").read_text())
    saved["compute"]["checkpoint_stride"] = 2
    (checkpoint / "config.yaml").write_text(yaml.safe_dump(saved))
    assert TrainingRun(config, checkpoint).step == 1


def test_names_on_the_hub_are_the_commit_in_the_cache(write_run: Callable[..., Path]) -> None:
    """What was never downloaded has no identity to compare."""
    config = load_config(TrainConfig, write_run(model={"init": "clip", "name": "nobody/no-such-model"}))
    assert file_digests(config) == {}
