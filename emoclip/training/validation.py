# SPDX-License-Identifier: Apache-2.0
"""Validation during training, by the code that evaluates finished models: zero-shot recognition, caption retrieval or a head's figures."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import torch
from accelerate import Accelerator
from torch.nn.functional import normalize

from emoclip.data import load
from emoclip.data.source import source_class_names
from emoclip.evaluation.clip_features import ClipFeatures, PassOptions, encode_features
from emoclip.evaluation.encoders import EmoCLIPEncoder, HeadEncoder
from emoclip.evaluation.kept_features import KeptFeatures
from emoclip.evaluation.processes import wait_for_all
from emoclip.evaluation.prompts import class_texts
from emoclip.evaluation.zero_shot import class_scores
from emoclip.metrics import ccc, mae, mean_average_precision, uar, war
from emoclip.metrics.retrieval import recall_at_k, retrieval_ranks
from emoclip.training.config import TrainConfig
from emoclip.training.engine_config import ValidationConfig
from emoclip.training.reported_clips import num_reported
from emoclip.training.signals import deaf_children
from emoclip.training.targets import LabelTargets, written_captions
from modeling_emoclip import EmoCLIPForVideoClassification
from modeling_emoclip.text_classes_emoclip import Prompt


if TYPE_CHECKING:
    from datasets import Dataset

    from emoclip.evaluation.encoders import Encoder
    from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


# What clips must have where their labels do not do.
_ROWS = {"recall": "captions", "probe_map": "multi_label"}


class Validation:
    """Scores a model on clips that it does not train on.

    Args:
        run: the whole configuration.
        config: its part on validation: which clips, which metric.
        processor: of the model.
        accelerator: its processes share the clips.

    Raises:
        ValueError: weights would be selected on clips that are kept for the test without `allow_test`, the split does not exist, its clips
            lack the labels or captions that the metric needs, its classes are not those of a head, or the weights are spread over
            processes.
    """

    def __init__(
        self, run: TrainConfig, config: ValidationConfig, processor: EmoCLIPProcessor, accelerator: Accelerator
    ):
        if accelerator.distributed_type.value == "FSDP":
            raise ValueError(
                "`validation` needs whole weights in every process, which FSDP spreads; set validation=null and evaluate "
                "the result with evaluate.py."
            )
        self.config = config
        self.processor = processor
        self.dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(accelerator.mixed_precision)
        self.options = PassOptions(config.batch_size, run.data.num_workers)
        # Processes read one another's shares from a folder.
        several = accelerator.num_processes > 1
        self._folder = run.output_dir / ".validation" if several else None
        self._is_main = accelerator.is_main_process
        source = config.manifest or run.data.manifest
        self._head = run.task.kind if run.task.has_head else None
        task = self._head or _ROWS.get(config.metric, "classification")
        self.rows = load(source, split=config.split, fold=config.fold, task=task)
        if task == "captions":
            self.rows = self.rows.select(
                [number for number, captions in enumerate(self.rows["captions"]) if written_captions(captions)]
            )
            if not len(self.rows):
                raise ValueError(
                    f"For validation.metric=recall clips must have captions that say something, none of {source} has."
                )
        self.num_reported = num_reported(run.data, self.rows, source)
        if run.selection == "validation" and self.num_reported and not config.allow_test:
            raise ValueError(
                f"Weights selected on clips that are kept for the test make its figures too good; {self.num_reported} of "
                f"{len(self.rows)} in the split `{config.split}` of {source} are; choose others, or say validation.allow_test=true, which "
                "the report then tells."
            )
        names = source_class_names(source, self.rows)
        self._targets = LabelTargets(run.task.kind, len(names)) if run.task.has_head else None
        if self._targets is not None:
            _check_classes(names, source_class_names(run.data.manifest))
            self._targets.check(self.rows.select_columns(["clip_id", self._targets.column]), str(source))
        self.classes: list[Prompt] = []
        if self._head is None and config.metric in ("uar", "war"):
            self.classes = [Prompt(text) for text in class_texts(config.prompt_set, names).values()]

    def __call__(self, model: EmoCLIPModel | EmoCLIPForVideoClassification) -> dict[str, float]:
        """The figures by name; the model is back in its mode afterwards and no random number is drawn."""
        was_training = model.training
        model.eval()
        try:
            with torch.random.fork_rng(), deaf_children():
                return self._score(model)
        finally:
            model.train(was_training)
            if self._folder is not None and self._is_main:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _score(self, model: EmoCLIPModel | EmoCLIPForVideoClassification) -> dict[str, float]:
        encoder = self._encoder(model)
        clips, rows = self._features(encoder, self.rows)
        if self._targets is not None:
            return self._score_head(self._targets, encoder.class_logits(clips.values, []), rows)
        if self.config.metric == "recall":
            captions = [written_captions(captions)[0] for captions in rows["captions"]]
            return _retrieval(encoder.clip_embeds(clips.values), encoder.embed_texts(captions), captions)
        predicted = class_scores(encoder, clips.values, self.classes).argmax(axis=1).tolist()
        references = list(rows["label"])
        return {"uar": uar(references, predicted), "war": war(references, predicted)}

    def _features(self, encoder: Encoder, rows: Dataset) -> tuple[ClipFeatures, Dataset]:
        """Features of the clips that could be decoded, and their rows."""
        kept = KeptFeatures(self._folder)
        clips = encode_features({"model": encoder}, rows, range(len(rows)), kept=kept, options=self.options)["model"]
        wait_for_all()  # the folder goes when the main process is through
        return clips, rows.select(clips.rows)

    def _encoder(self, model: EmoCLIPModel | EmoCLIPForVideoClassification) -> Encoder:
        if isinstance(model, EmoCLIPForVideoClassification):
            return HeadEncoder(model, self.processor.video_processor, self.dtype)
        return EmoCLIPEncoder(model, self.processor, self.dtype)

    def _score_head(self, targets: LabelTargets, logits: torch.Tensor, rows: Dataset) -> dict[str, float]:
        wanted = targets.collate(list(rows[targets.column]))["labels"].numpy()
        if self._head == "classification":
            predicted = logits.argmax(dim=1).tolist()
            return {"uar": uar(wanted.tolist(), predicted), "war": war(wanted.tolist(), predicted)}
        if self._head == "multi_label":
            return {"map": mean_average_precision(wanted.astype(int), logits.numpy())}
        return {"ccc": ccc(wanted, logits.numpy()), "mae": mae(wanted, logits.numpy())}


def _check_classes(names: list[str], trained: list[str]) -> None:
    if names != trained:
        raise ValueError(
            f"The clips of `validation` must have the classes that the head is trained on, in the same order, {', '.join(trained)}; got "
            f"{', '.join(names)}. Prepare both from one data set, or set validation=null."
        )


def _retrieval(video_embeds: torch.Tensor, text_embeds: torch.Tensor, captions: list[str]) -> dict[str, float]:
    """Share of clips whose own caption comes first, and of captions whose own clip does; equal captions count as one."""
    similarity = (normalize(video_embeds, dim=-1) @ normalize(text_embeds, dim=-1).T).numpy()
    to_text = recall_at_k(retrieval_ranks(similarity, captions, captions), 1)
    to_video = recall_at_k(retrieval_ranks(np.ascontiguousarray(similarity.T), captions, captions), 1)
    return {"recall": (to_text + to_video) / 2, "recall_to_text": to_text, "recall_to_video": to_video}


__all__ = ["Validation"]
