# SPDX-License-Identifier: Apache-2.0
"""The teacher's features of all pictures of a table, computed once: what is missing is made, the rest is read.

A folder for each teacher and instruction, in it part files as those of `emoclip.features`. A run that was killed goes on where the
last part ends.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from emoclip.data.output import check_writable, replacing
from emoclip.distillation.config import TeacherConfig
from emoclip.distillation.instructions import Instruction
from emoclip.distillation.mapped_features import MappedFeatures
from emoclip.distillation.teacher import Teacher, read_config, read_instructions, source_fingerprint, teacher_processor
from emoclip.features.clip_keys import clip_keys
from emoclip.features.identity import code_fingerprint, identity_key
from emoclip.features.parts import ClipRecord, PartFiles, write_part
from emoclip.features.pieces import Piece, PieceReader
from emoclip.features.prefetch import Prefetcher
from emoclip.precision import autocast_dtype
from modeling_emoclip import EmoCLIPVideoProcessor
from modeling_emoclip.loss_emoclip import pool_teacher_states


if TYPE_CHECKING:
    import datasets

logger = logging.getLogger(__name__)

# Of the files and of what `Teacher` computes; another number does not read these.
FORMAT = 1
STORAGE = "float16"
# The code between a picture and its feature, beside what decodes. Of the losses only one function is, and is looked at by itself.
TEACHER_MODULES = tuple(f"emoclip.distillation.{name}" for name in ("blip2_encoder", "instructions", "teacher"))
# A part is written at this size or age, whichever comes first: a kill costs no more, and no more is held.
PART_BYTES = 128 * 2**20
PART_SECONDS = 60.0


@dataclass
class InstructionStore:
    """The features under one instruction: their folder, and where in it each row of the table is."""

    instruction: Instruction
    folder: Path
    identity: dict[str, Any]
    keys: np.ndarray
    places: tuple[np.ndarray, np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Look what is there now."""
        self.parts = PartFiles.of(self.folder)
        self.places = self.parts.find(self.keys)

    def missing(self) -> np.ndarray:
        """Whether each row is missing, bool (rows,)."""
        return self.places[0] < 0

    def prepare(self) -> None:
        """Make the folder and say in it what it holds."""
        check_writable(self.folder)
        about = self.folder / "features.json"
        if not about.is_file():
            with replacing(about) as temporary:
                temporary.write_text(json.dumps(self.identity, indent=2) + "\n", encoding="utf-8")


class TeacherCache:
    """Features of a table's pictures by one teacher.

    Args:
        rows: Of a table, as `emoclip.data.load` gives them.
        config: The teacher.
        cache_dir: Holds the folders.
        num_frames: Pictures of each clip, at equal distances; a still has one.
        device: Where the teacher runs.
        num_workers: Threads that decode ahead.

    Raises:
        OSError: There is no such teacher.
        ValueError: The teacher is of another kind, or an instruction is too long.
    """

    def __init__(
        self,
        rows: datasets.Dataset,
        config: TeacherConfig,
        cache_dir: Path,
        *,
        num_frames: int,
        device: torch.device,
        num_workers: int = 1,
    ):
        self.rows, self.config, self.device, self.num_workers = rows, config, device, num_workers
        self.width = int(read_config(config).text_config.d_model)
        self.processor = teacher_processor(config, num_frames)
        self.keys, self.errors = clip_keys(rows)
        self.stores = []
        for instruction in read_instructions(config):
            identity = feature_identity(config, instruction, self.processor, device)
            folder = cache_dir / f"teacher-{identity_key(identity)}"
            self.stores.append(InstructionStore(instruction, folder, identity, self.keys))

    def num_missing(self) -> int:
        """Clips that have still to be shown to the teacher."""
        return len(self._wanted())

    def fill(self, *, show_progress: bool = True) -> dict[int, str]:
        """Make what is missing; return a sentence for each row whose pictures cannot be read.

        Raises:
            PermissionError: The folder cannot be written to.
        """
        wanted = self._wanted()
        if len(wanted):
            for store in self.stores:
                store.prepare()
            teacher = Teacher(self.config, self.device)
            with tqdm(
                total=len(self.rows),
                initial=len(self.rows) - len(wanted),
                unit="clip",
                desc=f"teacher {Path(self.config.name).name}",
                disable=None if show_progress else True,
            ) as bar:
                self._run(teacher, wanted, bar)
            for store in self.stores:
                store.refresh()
        return self.errors

    def features(self) -> list[MappedFeatures]:
        """What is there, one for each instruction."""
        return [MappedFeatures(store.parts, store.places, self.width) for store in self.stores]

    def _wanted(self) -> np.ndarray:
        missing = np.any([store.missing() for store in self.stores], axis=0)
        return np.array([row for row in np.flatnonzero(missing) if row not in self.errors], dtype=np.int64)

    def _run(self, teacher: Teacher, wanted: np.ndarray, bar: tqdm) -> None:
        writer = _Writer(self.stores)
        try:
            for rows, clips in self._batches(wanted, bar):
                # The teacher looks once for all instructions that one of the rows still lacks.
                pending = [store for store in self.stores if store.missing()[rows].any()]
                pixels = torch.cat([self.processor.normalize_frames(clip.frames) for clip in clips])
                instructions = [store.instruction for store in pending]
                features = teacher.encode(pixels, instructions, seed=int(rows[0]))
                for store, feature in zip(pending, features, strict=True):
                    _check_finite(feature, self.config)
                    writer.add(store, rows, clips, feature)
                writer.flush_if_due()
                bar.update(len(rows))
        finally:
            writer.flush()

    def _batches(self, wanted: np.ndarray, bar: tqdm) -> Iterator[tuple[np.ndarray, list[Piece]]]:
        """Yield rows with their pictures, about as many as the teacher takes at once."""
        reader = PieceReader(self.processor, kept="window")
        prefetcher: Prefetcher[int, Piece] = Prefetcher(lambda row: reader.pieces(self.rows[row]), self.num_workers)
        rows: list[int] = []
        clips: list[Piece] = []
        for row, pieces in prefetcher.run([int(row) for row in wanted]):
            try:
                (clip,) = pieces  # of a window there is one
            except (ValueError, OSError) as error:
                logger.warning("clip left out: %s", error)
                self.errors[row] = str(error)
                bar.update()
                continue
            rows.append(row)
            clips.append(clip)
            if sum(len(clip.frames) for clip in clips) >= self.config.batch_size:
                yield np.array(rows), clips
                rows, clips = [], []
        if rows:
            yield np.array(rows), clips


class _Writer:
    """Collects records of several stores and writes them as parts."""

    def __init__(self, stores: list[InstructionStore]):
        self._waiting: list[tuple[InstructionStore, list[bytes], list[ClipRecord]]] = [
            (store, [], []) for store in stores
        ]
        self._bytes, self._since = 0, time.perf_counter()

    def add(self, store: InstructionStore, rows: np.ndarray, clips: list[Piece], features: torch.Tensor) -> None:
        """Take the features of some rows' pictures, those of one row after those of another."""
        _, keys, records = next(waiting for waiting in self._waiting if waiting[0] is store)
        lengths = [len(clip.frames) for clip in clips]
        for row, clip, feature in zip(rows, clips, features.split(lengths), strict=True):
            embeds = feature.numpy().astype(STORAGE)[None]
            keys.append(store.keys[row])
            records.append(ClipRecord(clip.num_frames, clip.positions.numpy().astype(np.int32), embeds))
            self._bytes += embeds.nbytes

    def flush_if_due(self) -> None:
        """Write a part where there is enough for one, or it has waited long enough."""
        if self._bytes >= PART_BYTES or time.perf_counter() - self._since >= PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        for store, keys, records in self._waiting:
            if keys:
                write_part(store.folder, 0, keys, records, STORAGE)
            keys.clear()
            records.clear()
        self._bytes, self._since = 0, time.perf_counter()


def feature_identity(
    config: TeacherConfig, instruction: Instruction, processor: EmoCLIPVideoProcessor, device: torch.device
) -> dict[str, Any]:
    """Everything that a feature depends on beside the picture, as JSON takes it."""
    automatic = str(autocast_dtype(device) or torch.float32).removeprefix("torch.")
    return {
        "format": FORMAT,
        "teacher": config.name if not Path(config.name).is_dir() else Path(config.name).name,
        "weights": source_fingerprint(config),
        "instruction": instruction.name,
        "tokens": instruction.token_ids.tolist(),
        "noise": instruction.is_noise,
        "precision": automatic if config.precision == "auto" else config.precision,
        "hidden_act": config.hidden_act,
        "dropout": config.dropout,
        "pictures": {
            "num_frames": processor.num_frames,
            "size": processor.size,
            "resample": processor.resample,
            "do_normalize": processor.do_normalize,
        },
        "code": code_fingerprint(*TEACHER_MODULES),
        "pooling": hashlib.sha256(inspect.getsource(pool_teacher_states).encode()).hexdigest(),
    }


def _check_finite(features: torch.Tensor, config: TeacherConfig) -> None:
    # Half precision keeps 65504 at most; T5 is known to go beyond inside.
    if not bool(torch.isfinite(features.half()).all()):
        raise ValueError(
            f"The teacher's features must be finite, got others in {config.precision}; set its `precision` to bfloat16 or float32."
        )


__all__ = ["InstructionStore", "TeacherCache", "feature_identity"]
