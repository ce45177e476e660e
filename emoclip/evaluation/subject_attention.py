# SPDX-License-Identifier: Apache-2.0
"""Where the subject token looks: its attention over the patches of each frame, in the last layer of the image tower.

    attention/SYSTEM.parquet   one row a frame: `clip_id`, `frame` (its number among the frames the model saw), `image` (PNG),
                               `attention` (list of float32, rows of the grid one after another, sum at most 1), `coverage` (share of
                               each patch that the subject's mask covers); metadata `system`, `model`, `grid_width`

A report draws what lies there. Attention says what a layer mixes in, not what decided the answer.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from emoclip.data.output import replacing
from emoclip.evaluation.predictions import float_lists
from modeling_emoclip.subject_emoclip import patch_coverage


FOLDER = "attention"


@dataclass(frozen=True)
class AttentionMaps:
    """Attention over the frames of one clip.

    Args:
        clip_id: Of the clip.
        frames: uint8 (T, H, W, 3), the pictures as the model saw them.
        attention: float32 (T, rows, columns).
        coverage: float32 (T, rows, columns), in [0, 1].
    """

    clip_id: str
    frames: np.ndarray
    attention: np.ndarray
    coverage: np.ndarray


@dataclass(frozen=True)
class SystemAttention:
    """Maps of one system, ready to be written.

    Args:
        system: Short name.
        model: Folder or Hub id.
        maps: One per clip, at least one.
    """

    system: str
    model: str
    maps: list[AttentionMaps]


def subject_attention(model: Any, pixel_values_videos: torch.Tensor, subject_masks: torch.Tensor) -> np.ndarray:
    """Attention of the subject token to each patch, the mean over heads of the last layer: float32 (T, rows, columns).

    Args:
        model: With `subject_prompting` `sap` or `saam`.
        pixel_values_videos: (1, T, 3, H, W), as the processor makes them.
        subject_masks: (1, T, H, W) of 0 and 1.

    Raises:
        ValueError: If the model does not prompt by subject.
    """
    if model.config.subject_prompting == "none":
        raise ValueError("Only a model that prompts by subject has a subject token, got `subject_prompting=none`.")
    with torch.inference_mode(), _eager(model):
        output = model.vision_model(
            pixel_values_videos.flatten(0, 1).to(model.device),
            subject_masks=subject_masks.flatten(0, 1).to(model.device),
            output_attentions=True,
            return_dict=True,
        )
    # Tokens are the class, the patches row by row, and last the subject.
    weights = output.attentions[-1][:, :, -1, 1:-1].float().mean(dim=1).cpu().numpy()
    patch = model.config.vision_config.patch_size
    height, width = (side // patch for side in pixel_values_videos.shape[-2:])
    return weights.reshape(-1, height, width)


def clip_attention(model: Any, video_processor: Any, rows: Any, clip_ids: Sequence[str]) -> list[AttentionMaps]:
    """Maps of some clips of a manifest, whose `boxes` say where the subject is; without boxes the mask is empty.

    Args:
        model: With `subject_prompting` `sap` or `saam`, in evaluation mode.
        video_processor: The model's own.
        rows: Of a manifest, as `emoclip.data.load` gives them.
        clip_ids: Which clips; one that cannot be decoded is left out.

    Raises:
        ValueError: If a clip is not in the manifest, or the model does not prompt by subject.
    """
    from emoclip.data.clips import ClipDataset

    places = {clip_id: row for row, clip_id in enumerate(rows["clip_id"])}
    unknown = [clip_id for clip_id in clip_ids if clip_id not in places]
    if unknown:
        raise ValueError(f"The clips must be in the manifest, {', '.join(unknown[:5])} are not.")
    clips = ClipDataset(rows, video_processor, subject_masks=True)
    patch = model.config.vision_config.patch_size
    maps = []
    for clip_id in clip_ids:
        item = clips[places[clip_id]]
        if "error" in item:
            continue
        pixels, masks = item["pixel_values_videos"][None], item["subject_masks"][None]
        attention = subject_attention(model, pixels, masks)
        coverage = patch_coverage(masks[0].float(), patch).numpy().reshape(attention.shape)
        maps.append(
            AttentionMaps(clip_id, _pictures(item["pixel_values_videos"], video_processor), attention, coverage)
        )
    return maps


def write_attention(maps: Sequence[AttentionMaps], folder: str | Path, *, system: str, model: str) -> Path:
    """Writes a report folder's `attention/SYSTEM.parquet` and returns the file, replacing an older one.

    Raises:
        ValueError: If there are no maps.
    """
    if not maps:
        raise ValueError("There must be at least one clip to write attention of, got none.")
    path = Path(folder) / FOLDER / f"{system}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [(clip, frame) for clip in maps for frame in range(len(clip.frames))]
    table = pa.table(
        {
            "clip_id": [clip.clip_id for clip, _ in rows],
            "frame": [frame for _, frame in rows],
            "image": pa.array([_png(clip.frames[frame]) for clip, frame in rows], pa.binary()),
            "attention": float_lists(np.stack([clip.attention[frame].ravel() for clip, frame in rows])),
            "coverage": float_lists(np.stack([clip.coverage[frame].ravel() for clip, frame in rows])),
        }
    )
    metadata = {"system": system, "model": model, "grid_width": str(maps[0].attention.shape[-1])}
    with replacing(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)
    return path


def read_attention(folder: str | Path) -> dict[str, list[AttentionMaps]]:
    """System -> maps in a report's folder; empty where there are none.

    Raises:
        ValueError: If a file is no such table.
    """
    found = {}
    for path in sorted((Path(folder) / FOLDER).glob("*.parquet")):
        try:
            table = pq.read_table(path)
            width = int((table.schema.metadata or {})[b"grid_width"])
            columns = {name: table[name].to_pylist() for name in ("clip_id", "image", "attention", "coverage")}
        except (KeyError, pa.ArrowInvalid) as error:
            raise ValueError(f"{path} is no table of attention; remove it or write it anew.") from error
        found[path.stem] = list(_clips(columns, width))
    return found


def _clips(columns: dict[str, list], width: int) -> Iterator[AttentionMaps]:
    from PIL import Image

    for clip_id in dict.fromkeys(columns["clip_id"]):
        rows = [row for row, name in enumerate(columns["clip_id"]) if name == clip_id]
        frames = [np.asarray(Image.open(io.BytesIO(columns["image"][row])).convert("RGB")) for row in rows]
        grids = [np.array([columns[name][row] for row in rows], np.float32) for name in ("attention", "coverage")]
        yield AttentionMaps(clip_id, np.stack(frames), *(grid.reshape(len(rows), -1, width) for grid in grids))


@contextmanager
def _eager(model: Any) -> Iterator[None]:
    """Fused attention keeps no weights, so within the block the plain one runs."""
    before = model.vision_model.config._attn_implementation
    model.vision_model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.vision_model.set_attn_implementation(before)


def _pictures(pixels: torch.Tensor, video_processor: Any) -> np.ndarray:
    """Normalised pixels (T, 3, H, W) as pictures again."""
    pixels = pixels.float()
    if getattr(video_processor, "do_normalize", True):
        mean, std = (
            torch.tensor(getattr(video_processor, name))[:, None, None] for name in ("image_mean", "image_std")
        )
        pixels = pixels * std + mean
    return (pixels.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def _png(frame: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "PNG")
    return buffer.getvalue()


__all__ = [
    "AttentionMaps",
    "SystemAttention",
    "clip_attention",
    "read_attention",
    "subject_attention",
    "write_attention",
]
