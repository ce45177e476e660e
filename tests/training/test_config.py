# SPDX-License-Identifier: Apache-2.0
"""The training configuration refuses what cannot be trained, before anything is built."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoclip.config_loading import load_config
from emoclip.training.config import OptimizerConfig, TrainConfig


CONFIGS = Path(__file__).parents[2] / "configs" / "train"


def test_defaults_are_the_original_recipe() -> None:
    """EmoCLIP's `train.py`: SGD 1e-3, towers at a thousandth, decay 5e-4, steps at epochs 15, 35 and 50."""
    config = OptimizerConfig()
    assert (config.name, config.lr, config.backbone_lr_scale, config.weight_decay) == ("sgd", 1e-3, 1e-3, 5e-4)
    assert (config.schedule, config.milestones, config.gamma) == ("multistep", (15, 35, 50), 0.1)
    assert (config.train_vision, config.train_text) == ("all", "blocks")


@pytest.mark.parametrize(
    ("pattern", "negatives"),
    [
        ("emoclip_*", "local"),
        ("classes_*", "local"),
        ("leave_class_out_*", "local"),
        ("emotionclip_paper_code*", "global_no_grad"),
    ],
)
def test_recipes_of_the_papers_have_their_negatives(pattern: str, negatives: str) -> None:
    """With several processes the default is another loss than that of the published numbers."""
    paths = [path for path in CONFIGS.glob(pattern) if path.stem != "leave_class_out_synthetic"]
    assert paths
    for path in paths:
        assert load_config(TrainConfig, path).contrast.negatives == negatives, path


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.batch_size=0", "`batch_size` must be at least 1, got 0"),
        ("optimizer.betas=[0.9]", "`optimizer.betas` must be a list of 2, got 1"),
        ("data.num_workers=-1", "`num_workers` must be 0 or more, got -1"),
        ("data.num_workers=2", "`cache_frames` needs num_workers=0.* got 2"),
        ("data.feature_views=0", "`feature_views` must be at least 1 or null, got 0"),
        (
            "compute.checkpoint_stride=2",
            "`checkpoint_stride` belongs to gradient_checkpointing=true, got 2 with false",
        ),
        ("epochs=0", "`epochs` must be at least 1, got 0"),
        ("seed=-1", "`seed` must be from 0 to .* got -1"),
        ("optimizer.lr=0", "`lr` must be above 0, got 0"),
        ("optimizer.warmup=1", "`warmup` is a share .* got 1"),
        ("optimizer.max_grad_norm=-2", "`max_grad_norm` must be above 0 or null, got -2"),
        ("optimizer.schedule=linear", "must be one of multistep, one_cycle, emotionclip, constant, got 'linear'"),
        ("optimizer.learning_rate=1", "Unknown key `optimizer.learning_rate`"),
        ("epochs=many", "`epochs` must be an integer, got 'many'"),
        ("model.init=clip", "`name` must be a Hub id or a folder"),
        ("model.tokenizer=null", "`tokenizer` must be a folder"),
        (
            "optimizer={min_logit_scale: 5, max_logit_scale: 4}",
            "`min_logit_scale` must be at most `max_logit_scale`, got 5.0 and 4.0",
        ),
    ],
)
def test_bad_values_are_refused(write_run: Callable[..., Path], override: str, message: str) -> None:
    """A run that fails after an hour of decoding is worse than one that does not start."""
    with pytest.raises(ValueError, match=message):
        load_config(TrainConfig, write_run(), [override])


@pytest.mark.parametrize("split", ["null", "test", "all"])
def test_a_fold_is_never_trained_on(write_run: Callable[..., Path], split: str) -> None:
    """With any other split the rows of the fold itself would be chosen: a test of the clips that were trained on."""
    with pytest.raises(ValueError, match=r"`fold` trains on all other folds, so `split` must be train, got"):
        load_config(TrainConfig, write_run(), ["data.fold=1", f"data.split={split}"])


@pytest.mark.parametrize(
    ("name", "remedy"), [("class_balanced", "rare classes"), ("bucket_by_length", "shards of each")]
)
def test_orders_that_a_stream_cannot_have_name_the_way_out(
    write_run: Callable[..., Path], name: str, remedy: str
) -> None:
    """A refusal without a remedy ends the use of shards where they are needed most."""
    run = write_run(data__streaming=True, data__cache_frames=False, **{f"data__{name}": True})
    with pytest.raises(ValueError, match=rf"`{name}` needs random access.*{remedy}.*streaming=false"):
        load_config(TrainConfig, run)


def test_a_head_may_learn_from_one_clip_at_a_time(write_run: Callable[..., Path]) -> None:
    """Only a contrast needs two; a long interview may fill the memory alone."""
    config = load_config(TrainConfig, write_run(task={"kind": "classification"}, data__batch_size=1))
    assert config.data.batch_size == 1
