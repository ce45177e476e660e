# SPDX-License-Identifier: Apache-2.0
"""One pass over the clips for all systems: each clip decoded once, each tower run once, every system's features kept.

With several processes each takes its share of the chunks; all read the others' from the folder afterwards. There is no padding: a
clip belongs to one chunk and a chunk to one process.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from emoclip.data.clips import ClipDataset, collate_clips
from emoclip.data.worker_notes import NotedClips, WorkerNotes, end_workers, tell_death
from emoclip.evaluation.encoders import Encoder
from emoclip.evaluation.encoders.base import tensors_key
from emoclip.evaluation.kept_features import CHUNK_SIZE, Chunk, KeptFeatures, chunk_name
from emoclip.evaluation.processes import process_count, process_rank, wait_for_all
from emoclip.features.identity import code_fingerprint


if TYPE_CHECKING:
    import datasets

logger = logging.getLogger(__name__)
# What makes one vector of the frames of a clip.
_POOLING_MODULES = tuple(f"modeling_emoclip.{name}_emoclip" for name in ("expression", "temporal"))


@dataclass(frozen=True)
class PassOptions:
    """How clips are read.

    Args:
        batch_size: Clips at once through a model.
        num_workers: Processes that decode.
        repeat_stills: How often the one frame of a still is repeated before pooling.
        show_progress: Draw a bar with the rate, on terminals only.
    """

    batch_size: int = 16
    num_workers: int = 0
    repeat_stills: int = 1
    show_progress: bool = False


@dataclass(frozen=True)
class ClipFeatures:
    """Features of the clips that could be decoded, by one system.

    Args:
        values: float32 (clips, F).
        rows: Row number of each of these clips.
        errors: Row number -> sentence, for the others.
    """

    values: torch.Tensor
    rows: list[int]
    errors: dict[int, str] = field(default_factory=dict)

    def take(self, numbers: Sequence[int] | np.ndarray) -> tuple[list[int], torch.Tensor]:
        """Those of the row numbers that could be decoded, in the given order, and their features (clips, F)."""
        place = {row: index for index, row in enumerate(self.rows)}
        kept = [int(number) for number in numbers if int(number) in place]
        return kept, self.values[[place[number] for number in kept]]


def encode_features(
    encoders: Mapping[str, Encoder],
    rows: datasets.Dataset,
    numbers: Sequence[int] | np.ndarray,
    *,
    kept: KeptFeatures | None = None,
    options: PassOptions | None = None,
    allow_none: bool = False,
) -> dict[str, ClipFeatures]:
    """Features of clips by every encoder: name -> features.

    A clip that cannot be decoded is reported in the log and in the result, and left out.

    Args:
        encoders: Name -> model.
        rows: Of a manifest, as `emoclip.data.load` gives them.
        numbers: Row numbers of the clips.
        kept: Where features are kept; those that are there are not computed.
        options: How clips are read.
        allow_none: Give features of no clip, instead of refusing, where none could be decoded.

    Raises:
        ChildProcessError: If a process that decodes clips died; names the clip.
        ValueError: If no clip could be decoded, or several processes have no folder in common.
    """
    kept, options = kept or KeptFeatures(), options or PassOptions()
    if process_count() > 1 and kept.folder is None:
        raise ValueError("Several processes need a folder for their features, got none; set `features` to one.")
    chunks = _chunks(rows, numbers, with_boxes=any(encoder.needs_masks for encoder in encoders.values()))
    keys = {name: encoder_key(encoder, options.repeat_stills) for name, encoder in encoders.items()}
    for group in _groups(encoders):
        missing = [
            chunk
            for place, chunk in enumerate(chunks)
            if place % process_count() == process_rank() and any(not kept.has(keys[n], chunk.name) for n in group)
        ]
        _run_group(group, keys, rows, missing, kept, options)
    wait_for_all()
    found = {name: _gathered(key, chunks, kept) for name, key in keys.items()}
    for features in found.values():
        if not features.rows and not allow_none:
            error = features.errors[min(features.errors)]
            raise ValueError(f"At least one clip must be readable, got {len(features.errors)} that are not: {error}")
    return found


def encoder_key(encoder: Encoder, repeat_stills: int = 1) -> str:
    """A checksum of all that features of an encoder depend on."""
    settings = (
        type(encoder).__name__,
        encoder.model.config.to_json_string(),
        encoder.video_processor.to_json_string(),
        str(encoder.dtype),
        str(repeat_stills),
        code_fingerprint(*_POOLING_MODULES),
    )
    return tensors_key(encoder.model.state_dict().items(), *settings)


@dataclass(frozen=True)
class _RowChunk:
    name: str
    numbers: list[int]


def _chunks(rows: datasets.Dataset, numbers: Sequence[int] | np.ndarray, *, with_boxes: bool) -> list[_RowChunk]:
    wanted = [int(number) for number in numbers]
    if not wanted:
        raise ValueError("At least one clip must be encoded, got none.")
    parts = [wanted[start : start + CHUNK_SIZE] for start in range(0, len(wanted), CHUNK_SIZE)]
    return [_RowChunk(chunk_name(rows.select(part), with_boxes=with_boxes), part) for part in parts]


def _groups(encoders: Mapping[str, Encoder]) -> list[dict[str, Encoder]]:
    """Encoders that take the same frames, under the settings of their video processor."""
    groups: dict[tuple[str, bool], dict[str, Encoder]] = {}
    for name, encoder in encoders.items():
        groups.setdefault((encoder.video_processor.to_json_string(), encoder.needs_masks), {})[name] = encoder
    return list(groups.values())


def _run_group(
    encoders: Mapping[str, Encoder],
    keys: Mapping[str, str],
    rows: datasets.Dataset,
    chunks: Sequence[_RowChunk],
    kept: KeptFeatures,
    options: PassOptions,
) -> None:
    """Decodes the chunks once and keeps the features of every encoder."""
    if not chunks:
        return
    first = next(iter(encoders.values()))
    clips = ClipDataset(rows, first.video_processor, subject_masks=first.needs_masks)
    batches = [
        chunk.numbers[i : i + options.batch_size]
        for chunk in chunks
        for i in range(0, len(chunk.numbers), options.batch_size)
    ]
    notes = WorkerNotes()
    noted = NotedClips(clips, rows["clip_id"], notes)
    loader = DataLoader(noted, batch_sampler=batches, num_workers=options.num_workers, collate_fn=collate_clips)
    total = sum(len(chunk.numbers) for chunk in chunks)
    # `disable=None` switches the bar off where the output is no terminal.
    with tqdm(total=total, unit="clip", desc="clips", disable=None if options.show_progress else True) as bar:
        stream = iter(loader)
        try:
            for chunk in chunks:
                for name, content in _encode_chunk(encoders, chunk, stream, options, bar).items():
                    kept.put(keys[name], chunk.name, content)
        except RuntimeError as error:
            death = tell_death(error, stream, notes, remedy="start again")
            if death is None:
                raise
            raise ChildProcessError(death) from error
        finally:
            end_workers(stream)


def _encode_chunk(
    encoders: Mapping[str, Encoder], chunk: _RowChunk, stream: Iterator, options: PassOptions, bar: tqdm
) -> dict[str, Chunk]:
    place = {number: index for index, number in enumerate(chunk.numbers)}
    parts: dict[str, list[torch.Tensor]] = {name: [] for name in encoders}
    good: list[int] = []
    errors: dict[int, str] = {}
    for _ in range(0, len(chunk.numbers), options.batch_size):
        batch = next(stream)
        for number, error in batch["errors"].items():
            logger.warning("clip left out: %s", error)
            errors[place[number]] = error
        if "index" in batch:
            good.extend(place[number] for number in batch["index"].tolist())
            for name, features in _batch_features(encoders, batch, options.repeat_stills).items():
                parts[name].append(features)
        bar.update(len(batch.get("index", ())) + len(batch["errors"]))
    return {
        name: Chunk(torch.cat(values) if values else torch.empty(0, 0), good, errors) for name, values in parts.items()
    }


def _batch_features(
    encoders: Mapping[str, Encoder], batch: Mapping[str, Any], repeat_stills: int
) -> dict[str, torch.Tensor]:
    """Features of one batch by every encoder; encoders with the same tower share its frames."""
    frames: dict[str, torch.Tensor] = {}
    features = {}
    for name, encoder in encoders.items():
        if encoder.tower_key not in frames:
            frames[encoder.tower_key] = encoder.embed_frames(batch)
        embeds, mask = repeated_stills(frames[encoder.tower_key], batch["frame_mask"], repeat_stills)
        features[name] = encoder.pool(embeds, mask)
    return features


def repeated_stills(
    frame_embeds: torch.Tensor, frame_mask: torch.Tensor, times: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips of one frame show it `times` times, as EmotionCLIP treats stills; others stay.

    Args:
        frame_embeds: (B, T, W).
        frame_mask: bool (B, T).
        times: How often.
    """
    still = frame_mask.sum(dim=1) == 1
    # X-CLIP's embeddings are of whole clips, in a sequence of one.
    if times == 1 or not still.any() or frame_embeds.shape[1] != frame_mask.shape[1]:
        return frame_embeds, frame_mask
    missing = max(0, times - frame_embeds.shape[1])
    embeds = torch.nn.functional.pad(frame_embeds, (0, 0, 0, missing))
    mask = torch.nn.functional.pad(frame_mask, (0, missing))
    is_repeated = still[:, None] & (torch.arange(mask.shape[1]) < times)
    embeds = torch.where(is_repeated[:, :, None].to(embeds.device), embeds[:, :1], embeds)
    return embeds, mask | is_repeated


def _gathered(key: str, chunks: Sequence[_RowChunk], kept: KeptFeatures) -> ClipFeatures:
    parts: list[torch.Tensor] = []
    rows: list[int] = []
    errors: dict[int, str] = {}
    for chunk in chunks:
        content = kept.get(key, chunk.name)
        if content.good:
            parts.append(content.features)
        rows.extend(chunk.numbers[place] for place in content.good)
        errors.update({chunk.numbers[place]: error for place, error in content.errors.items()})
    return ClipFeatures(torch.cat(parts) if parts else torch.empty(0, 0), rows, errors)


__all__ = ["ClipFeatures", "PassOptions", "encode_features", "encoder_key", "repeated_stills"]
