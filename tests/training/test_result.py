# SPDX-License-Identifier: Apache-2.0
"""What a run leaves says on which terms, and is whole."""

import resource
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from emoclip.config_loading import load_config
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun
from emoclip.training.result import common_licence, save_model


def test_card_has_the_terms_of_all_data(write_run: Callable[..., Path], world: Path) -> None:
    """Stills under stricter terms than the clips would be passed on under the clips' own."""
    stills = world / "strict.parquet"
    table = pq.read_table(world / "stills.parquet")
    terms = {b"licence": b"research only", b"source": b"https://example.org/stills", b"dataset": b"strict"}
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, **terms}), stills)
    run = TrainingRun(load_config(TrainConfig, write_run(max_steps=1, data__mix=[str(stills)])))
    card = (run.train() / "README.md").read_text()
    assert "license: other\n" in card
    assert f"| `{stills}` | strict | research only | https://example.org/stills |" in card
    assert f"| `{world / 'clips.parquet'}` |" in card
    alone = TrainingRun(load_config(TrainConfig, write_run(max_steps=1, output_dir=str(world / "alone"))))
    assert "license: cc0-1.0\n" in (alone.train() / "README.md").read_text()
    strict = load_config(TrainConfig, write_run(data__manifest=str(stills)))
    assert common_licence(strict.data) == "other"


def test_a_full_disk_at_the_end_is_told(write_run: Callable[..., Path]) -> None:
    """The checkpoint is there; a traceback of safetensors hides that nothing is lost."""
    run = TrainingRun(load_config(TrainConfig, write_run(max_steps=1)))
    run.train()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(
            OSError, match=r"The model could not be written to .*; make room there and go on with --resume"
        ):
            save_model(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (run.config.output_dir / "model" / "model.safetensors").stat().st_size > 0
