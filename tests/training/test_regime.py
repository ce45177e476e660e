# SPDX-License-Identifier: Apache-2.0
"""What a run is made of, checked before it is made."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from emoclip.config_loading import load_config
from emoclip.training.config import TrainConfig
from emoclip.training.loop import TrainingRun
from emoclip.training.regime import check_contrast


REFUSED = r"`data.batch_size` must be at least 2 with task.kind=captions, .* got 1; .* got {} and {}\."


@pytest.mark.parametrize(
    ("processes", "negatives", "holds"),
    [(1, "global", False), (1, "local", False), (2, "local", False), (2, "global", True), (3, "global_no_grad", True)],
)
def test_one_clip_of_a_process_needs_those_of_others(
    write_run: Callable[..., Path], processes: int, negatives: str, holds: bool
) -> None:
    """Large models leave room for one clip on a card: with others to be contrasted with that is a batch."""
    config = load_config(TrainConfig, write_run(data__batch_size=1), [f"contrast.negatives={negatives}"])
    with nullcontext() if holds else pytest.raises(ValueError, match=REFUSED.format(processes, negatives)):
        check_contrast(config, processes)


def test_a_batch_of_one_is_refused_before_the_run(write_run: Callable[..., Path]) -> None:
    """Every step would be skipped."""
    with pytest.raises(ValueError, match=REFUSED.format(1, "global")):
        TrainingRun(load_config(TrainConfig, write_run(data__batch_size=1)))
