# SPDX-License-Identifier: Apache-2.0
"""Zero-shot recognition: clips and class texts become embeddings, their cosines become scores.

Clips are decoded once for all systems and texts encoded once for all clips. Source of the rule: EmoCLIP's `eval.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch.nn.functional import normalize
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers.modeling_outputs import BaseModelOutputWithPooling

from emoclip.data.clips import ClipDataset, collate_clips
from emoclip.precision import autocast_dtype


if TYPE_CHECKING:
    import datasets

    from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor, EmoCLIPVideoProcessor

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClipEmbeddings:
    """Embeddings of the clips that could be decoded.

    Args:
        embeds: Model name -> float32 (clips, D) of length 1, on the CPU.
        rows: Row number of each of these clips.
        errors: Row number -> sentence, for the clips that could not be decoded.
    """

    embeds: dict[str, torch.Tensor]
    rows: list[int]
    errors: dict[int, str] = field(default_factory=dict)


def predict(
    model: EmoCLIPModel,
    processor: EmoCLIPProcessor,
    rows: datasets.Dataset,
    class_texts: Sequence[str],
    *,
    batch_size: int = 16,
    num_workers: int = 0,
    dtype: torch.dtype | None = None,
) -> tuple[np.ndarray, ClipEmbeddings]:
    """Scores of each class for each clip: float32 (clips, classes), rows sum to 1; and the clips' embeddings.

    Args:
        model: In evaluation mode.
        processor: The model's own.
        rows: Of a manifest, as `emoclip.data.load` gives them.
        class_texts: One text per class.
        batch_size: Clips at once through the model.
        num_workers: Processes that decode.
        dtype: Number format of the towers; None is float32.

    Raises:
        ValueError: If no clip could be decoded.
    """
    clips = encode_clips(
        {"model": model}, processor.video_processor, rows, batch_size=batch_size, num_workers=num_workers, dtype=dtype
    )
    text_embeds = encode_texts(model, processor, class_texts, dtype=dtype)
    return class_scores(clips.embeds["model"], text_embeds, model.logit_scale), clips


def encode_clips(
    models: Mapping[str, EmoCLIPModel],
    video_processor: EmoCLIPVideoProcessor,
    rows: datasets.Dataset,
    *,
    batch_size: int = 16,
    num_workers: int = 0,
    dtype: torch.dtype | None = None,
    show_progress: bool = False,
) -> ClipEmbeddings:
    """Embeddings of all clips by all models, each clip decoded once.

    A clip that cannot be decoded is reported in the log and in the result, and left out.

    Args:
        models: Name -> model in evaluation mode; all take the same frames.
        video_processor: Of these models.
        rows: Of a manifest, as `emoclip.data.load` gives them.
        batch_size: Clips at once through a model.
        num_workers: Processes that decode.
        dtype: Number format of the towers; None is float32.
        show_progress: Draw a bar with the rate, on terminals only.

    Raises:
        ValueError: If no clip could be decoded.
    """
    loader = DataLoader(
        ClipDataset(rows, video_processor),
        batch_size=batch_size,
        num_workers=num_workers,
        collate_fn=collate_clips,
        persistent_workers=False,
    )
    embeds: dict[str, list[torch.Tensor]] = {name: [] for name in models}
    result = ClipEmbeddings({}, [])
    # `disable=None` switches the bar off where the output is no terminal.
    with tqdm(total=len(rows), unit="clip", desc="clips", disable=None if show_progress else True) as bar:
        for batch in loader:
            for row, error in batch["errors"].items():
                logger.warning("clip left out: %s", error)
                result.errors[row] = error
            if "index" in batch:
                result.rows.extend(batch["index"].tolist())
                for name, model in models.items():
                    embeds[name].append(_embed_batch(model, batch, dtype))
            bar.update(len(batch.get("index", ())) + len(batch["errors"]))
    if not result.rows:
        raise ValueError(f"At least one clip must be readable, got {len(rows)} that are not: {result.errors.get(0)}")
    result.embeds.update({name: torch.cat(parts) for name, parts in embeds.items()})
    return result


def encode_texts(
    model: EmoCLIPModel, processor: EmoCLIPProcessor, texts: Sequence[str], *, dtype: torch.dtype | None = None
) -> torch.Tensor:
    """Embeddings of the texts: float32 (texts, D) of length 1, on the CPU."""
    inputs = processor(text=list(texts), return_tensors="pt").to(model.device)
    with torch.inference_mode(), _autocast(model, dtype):
        output = model.get_text_features(inputs["input_ids"], inputs["attention_mask"])
    return _unit_length(output)


def class_scores(
    video_embeds: torch.Tensor, text_embeds: torch.Tensor, logit_scale: torch.Tensor | float
) -> np.ndarray:
    """Softmax over classes of exp(logit_scale) times the cosines: float32 (clips, classes).

    Args:
        video_embeds: (clips, D), of any length.
        text_embeds: (classes, D), of any length.
        logit_scale: Logarithm of the multiplier, as the model stores it.
    """
    cosines = normalize(video_embeds.float(), dim=-1) @ normalize(text_embeds.float(), dim=-1).T
    scale = torch.as_tensor(logit_scale).detach().float().cpu().exp()
    return torch.softmax(scale * cosines, dim=-1).numpy()


def choose_device() -> torch.device:
    """The accelerator if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def choose_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """Number format for `precision`: `auto`, `float32` or `bfloat16`; None means float32 without autocast."""
    return {"auto": autocast_dtype(device), "float32": None, "bfloat16": torch.bfloat16}[precision]


def _embed_batch(model: EmoCLIPModel, batch: Mapping[str, Any], dtype: torch.dtype | None) -> torch.Tensor:
    pixel_values = batch["pixel_values_videos"].to(model.device)
    frame_mask = batch["frame_mask"].to(model.device)
    with torch.inference_mode(), _autocast(model, dtype):
        output = model.get_video_features(pixel_values, frame_mask=frame_mask)
    return _unit_length(output)


def _unit_length(output: BaseModelOutputWithPooling) -> torch.Tensor:
    return normalize(cast(torch.Tensor, output.pooler_output).float(), dim=-1).cpu()


def _autocast(model: EmoCLIPModel, dtype: torch.dtype | None) -> AbstractContextManager:
    return nullcontext() if dtype is None else torch.autocast(model.device.type, dtype=dtype)
