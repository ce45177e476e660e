# SPDX-License-Identifier: Apache-2.0
"""Validation during training, by the code that evaluates finished models: zero-shot recognition or caption retrieval on a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
from accelerate import Accelerator

from emoclip.data import load
from emoclip.data.manifest import read_manifest
from emoclip.evaluation.prompts import class_texts
from emoclip.evaluation.zero_shot import class_scores, encode_clips, encode_texts
from emoclip.metrics import uar, war
from emoclip.metrics.retrieval import recall_at_k, retrieval_ranks
from emoclip.training.engine_config import ValidationConfig
from emoclip.training.signals import deaf_children


if TYPE_CHECKING:
    from pathlib import Path

    from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


class Validation:
    """Scores a model on clips that it does not train on.

    Args:
        config: which clips, which metric.
        manifest: of the training data, where the configuration names no other.
        processor: of the model.
        accelerator: its processes share the clips.
        num_workers: processes that decode.

    Raises:
        ValueError: the split does not exist, or its clips lack the labels or captions that the metric needs.
    """

    def __init__(
        self,
        config: ValidationConfig,
        manifest: Path,
        processor: EmoCLIPProcessor,
        accelerator: Accelerator,
        num_workers: int = 0,
    ):
        self.config = config
        self.processor = processor
        self.accelerator = accelerator
        self.num_workers = num_workers
        source = config.manifest or manifest
        task = "captions" if config.metric == "recall" else "classification"
        self.rows = load(source, split=config.split, fold=config.fold, task=task)
        self.texts: list[str] = []
        if config.metric != "recall":
            self.texts = list(
                class_texts(config.prompt_set, read_manifest(source, check_media=False).class_names).values()
            )

    def __call__(self, model: EmoCLIPModel) -> dict[str, float]:
        """The figures by name; the model is back in its mode afterwards and no random number is drawn."""
        was_training = model.training
        model.eval()
        try:
            with torch.random.fork_rng(enabled=True), deaf_children():
                return self._score(model)
        finally:
            model.train(was_training)

    def _score(self, model: EmoCLIPModel) -> dict[str, float]:
        chosen = self._share()
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.accelerator.mixed_precision)
        clips = encode_clips(
            {"model": model},
            self.processor.video_processor,
            self.rows.select(chosen),
            batch_size=self.config.batch_size,
            num_workers=self.num_workers,
            dtype=dtype,
        )
        places = [chosen[row] for row in clips.rows]
        embeds = self._gather(dict(zip(places, clips.embeds["model"], strict=True)))
        order = sorted(embeds)
        video_embeds = torch.stack([embeds[place] for place in order])
        rows = self.rows.select(order)
        if self.config.metric == "recall":
            return self._retrieval(model, video_embeds, [captions[0] for captions in rows["captions"]], dtype)
        text_embeds = encode_texts(model, self.processor, self.texts, dtype=dtype)
        predicted = class_scores(video_embeds, text_embeds, model.logit_scale).argmax(axis=1)
        references = list(rows["label"])
        return {"uar": uar(references, predicted.tolist()), "war": war(references, predicted.tolist())}

    def _retrieval(
        self, model: EmoCLIPModel, video_embeds: torch.Tensor, captions: list[str], dtype: torch.dtype | None
    ) -> dict[str, float]:
        """Share of clips whose own caption comes first, and of captions whose own clip does; equal captions count as one."""
        size = self.config.batch_size * 8
        parts = [
            encode_texts(model, self.processor, captions[start : start + size], dtype=dtype)
            for start in range(0, len(captions), size)
        ]
        similarity = (video_embeds @ torch.cat(parts).T).numpy()
        to_text = recall_at_k(retrieval_ranks(similarity, captions, captions), 1)
        to_video = recall_at_k(retrieval_ranks(np.ascontiguousarray(similarity.T), captions, captions), 1)
        return {"recall": (to_text + to_video) / 2, "recall_to_text": to_text, "recall_to_video": to_video}

    def _share(self) -> list[int]:
        """Rows of this process; each has at least one, and some are encoded twice where there are too few."""
        everyone, rank = self.accelerator.num_processes, self.accelerator.process_index
        return list(range(rank, len(self.rows), everyone)) or [0]

    def _gather(self, own: dict[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        if self.accelerator.num_processes == 1:
            return own
        parts: list[Any] = [None] * self.accelerator.num_processes
        dist.all_gather_object(parts, own)
        return {place: row for part in parts for place, row in part.items()}


__all__ = ["Validation"]
