# SPDX-License-Identifier: Apache-2.0
"""The frozen towers: their features of the same pictures and of the captions, and the model with its new head."""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from emoclip.data.output import check_writable
from emoclip.distillation.config import PicturesConfig
from emoclip.distillation.mapped_features import MappedFeatures
from emoclip.features import FrameFeatureStore, frame_features
from emoclip.features.clip_keys import key_of
from emoclip.features.parts import ClipRecord, PartFiles, write_part
from emoclip.precision import autocast_dtype
from modeling_emoclip import EmoCLIPConfig, EmoCLIPModel, EmoCLIPProcessor, EmoCLIPVideoProcessor


HEAD_PREFIX = "expression_projection."
HEAD_FIELDS = ("expression_projection_dim", "expression_projection_type", "expression_projection_hidden_size")
# Clips at once through the temporal part, texts at once through the text tower.
CLIPS_AT_ONCE, TEXTS_AT_ONCE = 256, 128
STORAGE = "float16"
# A part of captions is written at this number or age, whichever comes first; read back so many at once.
TEXTS_A_PART, PART_SECONDS = 50_000, 60.0
ROWS_AT_ONCE = 4096


def config_with_head(config: Any, dim: int | None, kind: str, hidden_size: int | None) -> EmoCLIPConfig:
    """The same configuration with another head; arguments as of `with_head`.

    Raises:
        ValueError: There is no such head.
    """
    head = dict(zip(HEAD_FIELDS, (dim, kind, hidden_size), strict=True))
    return EmoCLIPConfig(**(copy.deepcopy(config).to_dict() | head))


def with_head(
    model: EmoCLIPModel, dim: int | None, kind: str = "linear", hidden_size: int | None = None
) -> EmoCLIPModel:
    """The same model with a new head, or without any; the head's weights come from PyTorch's global generator.

    Args:
        model: Whose other weights are taken over, bit by bit; it is left as it is. The result is on the CPU, in float32.
        dim: Width of the head, `None` for no head.
        kind: `EmoCLIPConfig.expression_projection_type`.
        hidden_size: `EmoCLIPConfig.expression_projection_hidden_size`.
    """
    changed = EmoCLIPModel(config_with_head(model.config, dim, kind, hidden_size))
    kept = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(HEAD_PREFIX)}
    changed.load_state_dict(kept, strict=False)
    return changed


def picture_embeds(
    rows: Any,
    model: EmoCLIPModel,
    video_processor: EmoCLIPVideoProcessor,
    cache_dir: Path,
    data: PicturesConfig,
    *,
    show_progress: bool = True,
) -> tuple[list[torch.Tensor | None], dict[int, str]]:
    """CLIP's features of each row's pictures, and a sentence for each row that cannot be read.

    At the level `frame` these are (n, D), of frames at equal distances, the teacher's; at the level `clip` (1, D), of the clip that
    the processor samples, behind the temporal part.

    Args:
        rows: Of a table, as `emoclip.data.load` gives them.
        model: Without a head.
        video_processor: The model's own.
        cache_dir: Where frame features are kept.
        data: Level, frames, batch size and workers.
        show_progress: Draw bars with rates, on terminals only.
    """
    processor = video_processor
    if data.level == "frame":
        processor = copy.copy(video_processor)
        processor.frame_sampling, processor.num_frames = "uniform", data.frames_per_clip
        processor.random_start = False
    store = frame_features(
        rows,
        model,
        processor,
        cache_dir,
        kept="window",
        storage=STORAGE,
        subject_masks=model.config.subject_prompting != "none",
        dtype=autocast_dtype(model.device),
        batch_size=data.batch_size,
        num_workers=data.num_workers,
        show_progress=show_progress,
    )
    good = [row for row in range(len(store)) if row not in store.errors]
    embeds: list[torch.Tensor | None] = [None] * len(store)
    if data.level == "frame":
        for row in good:
            embeds[row] = store.frame_embeds(row).half()
    else:
        for row, clip in zip(good, _clip_embeds(store, model, good), strict=True):
            embeds[row] = clip[None]
    return embeds, store.errors


@torch.inference_mode()
def _clip_embeds(store: FrameFeatureStore, model: EmoCLIPModel, rows: Sequence[int]) -> torch.Tensor:
    """Clip embeddings (rows, D) behind the temporal part, in half precision."""
    pad = torch.nn.utils.rnn.pad_sequence
    parts = [torch.empty(0, model.config.projection_dim, dtype=torch.float16)]
    for start in range(0, len(rows), CLIPS_AT_ONCE):
        windows = [store.window(row) for row in rows[start : start + CLIPS_AT_ONCE]]
        output = model.get_video_features(
            frame_embeds=pad([window["frame_embeds"] for window in windows], batch_first=True).to(model.device),
            frame_mask=pad([window["frame_mask"] for window in windows], batch_first=True).to(model.device),
        )
        pooled: Any = output.pooler_output
        parts.append(pooled.half().cpu())
    return torch.cat(parts)


def caption_embeds(
    captions: Sequence[str],
    model: EmoCLIPModel,
    processor: EmoCLIPProcessor,
    cache_dir: Path,
    *,
    show_progress: bool = True,
) -> torch.Tensor:
    """CLIP's features of captions as the head gets them, float16 (captions, D), of any length.

    They are kept in part files for each model, so that a stop costs a minute.

    Args:
        captions: Texts, repeated ones embedded once.
        model: Without a head.
        processor: The model's own.
        cache_dir: Where the files are kept.
        show_progress: Draw a bar with the rate, on terminals only.
    """
    wanted = sorted(set(captions))
    place = {text: number for number, text in enumerate(wanted)}
    folder = cache_dir / f"captions-{_text_tower_key(model)}"
    tokens = processor.tokenizer(wanted, truncation=True)["input_ids"]
    keys = np.array([key_of(json.dumps([text, ids])) for text, ids in zip(wanted, tokens, strict=True)])
    parts = PartFiles.of(folder)
    missing = np.flatnonzero(parts.find(keys)[0] < 0)
    if len(missing):
        with tqdm(
            total=len(wanted),
            initial=len(wanted) - len(missing),
            unit="text",
            desc="captions",
            disable=None if show_progress else True,
        ) as bar:
            _keep_captions(folder, [(keys[row], wanted[row]) for row in missing], model, processor, bar)
        parts = PartFiles.of(folder)
    kept = MappedFeatures(parts, parts.find(keys), model.config.projection_dim)
    embeds = torch.empty(len(wanted), model.config.projection_dim, dtype=torch.float16)
    for rows in np.array_split(np.arange(len(wanted)), -(-len(wanted) // ROWS_AT_ONCE)):
        embeds[rows] = kept.frames(rows, np.zeros_like(rows)).half()
    return embeds[torch.tensor([place[text] for text in captions])]


def _keep_captions(
    folder: Path,
    texts: Sequence[tuple[bytes, str]],
    model: EmoCLIPModel,
    processor: EmoCLIPProcessor,
    bar: tqdm,
) -> None:
    """Write the features of texts, which come with their keys, in parts; what is made is kept when the run is stopped."""
    check_writable(folder)
    keys: list[bytes] = []
    records: list[ClipRecord] = []
    since = time.perf_counter()
    try:
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            chunk = texts[start : start + TEXTS_AT_ONCE]
            for (key, _), embed in zip(
                chunk, _text_embeds([text for _, text in chunk], model, processor), strict=True
            ):
                keys.append(key)
                records.append(ClipRecord(1, np.zeros(1, np.int32), embed.numpy().astype(STORAGE)[None, None]))
            bar.update(len(chunk))
            if len(keys) >= TEXTS_A_PART or time.perf_counter() - since >= PART_SECONDS:
                write_part(folder, 0, keys, records, STORAGE)
                keys, records, since = [], [], time.perf_counter()
    finally:
        if keys:
            write_part(folder, 0, keys, records, STORAGE)


@torch.inference_mode()
def _text_embeds(texts: Sequence[str], model: EmoCLIPModel, processor: EmoCLIPProcessor) -> torch.Tensor:
    """Text features, float32 (texts, D), not normalised: a head that is not linear makes another thing of another length."""
    dtype = autocast_dtype(model.device)
    tokens = {name: tensor.to(model.device) for name, tensor in processor.tokenize(list(texts)).items()}
    with nullcontext() if dtype is None else torch.autocast(model.device.type, dtype=dtype):
        features: Any = model.get_text_features(**tokens).pooler_output
    return features.float().cpu()


def _text_tower_key(model: EmoCLIPModel) -> str:
    """Of the text tower's form and weights, and of what is kept."""
    digest = hashlib.sha256(b"not normalised " + model.config.text_config.to_json_string().encode())
    for name, tensor in sorted(model.state_dict().items()):
        if name.startswith(("text_model.", "text_projection.")):
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


__all__ = ["caption_embeds", "config_with_head", "picture_embeds", "with_head"]
