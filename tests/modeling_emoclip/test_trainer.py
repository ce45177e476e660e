# SPDX-License-Identifier: Apache-2.0
"""The model under transformers' own training loop."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import Trainer, TrainingArguments

from modeling_emoclip import EmoCLIPForVideoClassification


def gradient_norm(model: EmoCLIPForVideoClassification, rows: list[dict], batch_size: int, folder: Path) -> float:
    """The norm that the trainer reports of its one step over all rows."""
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=len(rows) // batch_size,
        max_steps=1,
        logging_steps=1,
        max_grad_norm=1e9,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=rows)
    trainer.train()
    return next(entry["grad_norm"] for entry in trainer.state.log_history if "grad_norm" in entry)


def test_accumulated_gradients_are_those_of_one_batch(tiny_config: Callable, tmp_path: Path) -> None:
    """A model that seems to divide its loss by the items of all small batches gets gradients as many times too large."""
    generator = torch.Generator().manual_seed(2)
    rows = [
        {"pixel_values_videos": torch.randn(2, 3, 16, 16, generator=generator), "labels": torch.tensor(number % 4)}
        for number in range(8)
    ]
    norms = []
    for batch_size in (8, 2):
        torch.manual_seed(0)
        model = EmoCLIPForVideoClassification(tiny_config(num_labels=4))
        norms.append(gradient_norm(model, rows, batch_size, tmp_path))
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)
