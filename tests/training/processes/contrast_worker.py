# SPDX-License-Identifier: Apache-2.0
"""One of several processes that train on their share of one batch: `contrast_worker.py RANK WORLD STORE OUTPUT`.

Rank 0 writes {scenario: (loss, {parameter: gradient})}. Not a test itself: tests start it.
"""

import os
import sys
from itertools import accumulate
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch.nn.parallel import DistributedDataParallel

from emoclip.training.config import DataConfig, ModelConfig, OptimizerConfig, TrainConfig
from emoclip.training.engine_config import ContrastConfig
from emoclip.training.head_objective import HeadObjective
from emoclip.training.heads import with_head
from emoclip.training.negatives import Negatives
from emoclip.training.objective import ContrastObjective
from emoclip.training.step import Updater
from emoclip.training.task_config import TaskConfig
from emoclip.training.word_prediction import WordPrediction
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel


# Rows of each process, uneven as last batches and unreadable clips make them; all add up to the same batch.
COUNTS = {1: [7], 2: [5, 2], 3: [2, 4, 1]}
SCENARIOS = {
    "plain": {},
    "sentiment": {"sentiment": True},
    "same_text": {"same_text": True},
    "head": {"labels": True},
    "words": {"words": True},
    "soft_targets": {"soft": (0.3, 0.5)},
    "soft_targets_in_portions": {"soft": (0.3, 0.5), "chunk_size": 3},
    "portions": {"chunk_size": 3},
    "portions_with_words": {"chunk_size": 2, "words": True},
    "accumulated": {"accumulate": 2},
    "accumulated_portions": {"accumulate": 2, "chunk_size": 2},
    "without_gradient": {"negatives": "global_no_grad"},
    "local": {"negatives": "local"},
}


def tiny_model() -> EmoCLIPModel:
    torch.manual_seed(3)
    ids = {"vocab_size": 41, "bos_token_id": 39, "eos_token_id": 40, "pad_token_id": 0}
    text = {**ids, "hidden_size": 12, "intermediate_size": 17, "num_hidden_layers": 1}
    vision = {"image_size": 20, "patch_size": 5, "hidden_size": 14, "intermediate_size": 19, "num_hidden_layers": 1}
    temporal = {"num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 7, "intermediate_size": 13}
    config = EmoCLIPConfig(
        text_config={**text, "num_attention_heads": 3, "max_position_embeddings": 9},
        vision_config={**vision, "num_attention_heads": 2},
        temporal_config={**temporal, "max_position_embeddings": 8},
        projection_dim=10,
    )
    return EmoCLIPModel(config)


def whole_batch(number: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(11 + number)
    ids = torch.randint(1, 39, (7, 6), generator=generator)
    ids[:, -1] = 40
    return {
        "pixel_values_videos": torch.randn(7, 4, 3, 20, 20, generator=generator),
        "input_ids": ids,
        "sentiment_logits": torch.randn(7, 7, generator=generator),
        # Of the size of checksums, which float32 does not tell apart.
        "text_groups": torch.tensor([4294967291, 4294967292, 4294967291, 7, 4294967292, 8, 4294967291]),
        "labels": torch.tensor([2, 0, 1, 1, 2, 0, 2]),
    }


def gradients(rank: int, world: int, **options: Any) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss and the gradients of one step, on this process's share."""
    counts = COUNTS[world]
    start = sum(counts[:rank])
    return step_on(slice(start, start + counts[rank]), rank, counts, **options)


def step_on(
    rows: slice,
    rank: int,
    counts: list[int],
    *,
    sentiment: bool = False,
    same_text: bool = False,
    labels: bool = False,
    words: bool = False,
    soft: tuple[float, float] | None = None,
    negatives: str = "global",
    **contrast: int,
) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss and the gradients of one step on some rows of the batch."""
    world = len(counts)
    model = with_head(tiny_model(), TaskConfig("classification"), "abc") if labels else tiny_model()
    head = WordPrediction(10, torch.rand(41)) if words else None
    modules = [model] if head is None else [model, head]
    if world > 1:
        modules = [DistributedDataParallel(module) for module in modules]
    batches = [whole_batch(number) for number in range(contrast.get("accumulate", 1))]
    shares = [{name: tensor[rows] for name, tensor in batch.items()} for batch in batches]
    for share in shares:
        for name, is_wanted in (("sentiment_logits", sentiment), ("text_groups", same_text), ("labels", labels)):
            if not is_wanted:
                share.pop(name)
    config = TrainConfig(
        "unused", ModelConfig(), DataConfig("unused"), OptimizerConfig(), ContrastConfig(negatives, **contrast)
    )
    objective = ContrastObjective(
        model.config, Negatives(negatives, world), rank, None if head is None else (modules[1], 0.7), soft
    )
    if labels:
        objective = HeadObjective("classification", rank)

    class Optimizer:
        """Leaves the gradients where they are."""

        def step(self) -> None:
            """Do nothing."""

        zero_grad = step

    accelerator = Accelerator(cpu=True)
    if accelerator.num_processes != world:
        raise RuntimeError(f"Accelerate sees {accelerator.num_processes} processes, not {world}.")
    updater = Updater(config, accelerator, modules[0], Optimizer(), objective, modules[1:])
    loss = updater.update([(share, counts) for share in shares])
    named = [item for item in model.named_parameters() if item[1].requires_grad]
    named += [*(() if head is None else head.named_parameters(prefix="head"))]
    return loss.item(), {name: parameter.grad for name, parameter in named}


def main() -> None:
    rank, world = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    if world > 1:
        # What a launcher sets, by which Accelerate knows the processes; the store is a file, so that no port is needed.
        places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
        os.environ.update({name: str(value) for name, value in places.items()})
        dist.init_process_group("gloo", init_method=f"file://{sys.argv[3]}", rank=rank, world_size=world)
    results = {name: gradients(rank, world, **options) for name, options in SCENARIOS.items()}
    if world == 1:
        for others, counts in COUNTS.items():
            ends = list(accumulate(counts))
            parts = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
            results[f"each_share_of_{others}"] = [step_on(part, 0, [part.stop - part.start]) for part in parts]
    if rank == 0:
        torch.save(results, sys.argv[4])
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
