# SPDX-License-Identifier: Apache-2.0
"""One distillation: check, the teachers' features, CLIP's, the fit, the Hub folder."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from emoclip.config_loading import dump_config
from emoclip.data import load
from emoclip.data.output import check_writable
from emoclip.distillation.config import DistillConfig
from emoclip.distillation.fitting import CenteredPairs, Pairs, check_isometric, fit_projection, start_head
from emoclip.distillation.instructions import shown
from emoclip.distillation.pairs import Captions, FeaturePairs
from emoclip.distillation.record import licence_of, run_record, training_story, write_skipped, write_text
from emoclip.distillation.student import caption_embeds, config_with_head, picture_embeds, with_head
from emoclip.distillation.teacher_features import TeacherCache
from emoclip.evaluation.processes import own_device
from emoclip.export import model_card, save_hub_folder
from emoclip.training.build import build_model, read_model
from modeling_emoclip import EmoCLIPModel, EmoCLIPProcessor


@dataclass
class DistillationRun:
    """Everything a distillation needs; each step is done once and kept under `features_dir`.

    Args:
        config: The run.
        show_progress: Draw bars with rates, on terminals only.

    Raises:
        OSError: The data, a teacher or the model is not there.
        ValueError: The teachers' widths, the head's and the model's do not fit, an instruction is too long, or a clip has no caption.
    """

    config: DistillConfig
    show_progress: bool = True
    skipped: dict[int, str] = field(default_factory=dict)
    records: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.device = own_device()
        # Without weights, but before hours of the teacher's work.
        self.model_config = read_model(self.config.model)
        self.rows = _chosen_rows(self.config)
        self.caches = [self._cache(number) for number in range(len(self.config.teachers) if self._uses_teacher else 0)]
        self.width = self._check_widths()
        self._check_number()
        self.captions = self._read_captions()

    @property
    def features_dir(self) -> Path:
        """Where features are kept."""
        return self.config.features_dir or self.config.output_dir / "features"

    @property
    def _uses_teacher(self) -> bool:
        return self.config.fit.teacher_weight > 0

    @cached_property
    def towers(self) -> tuple[EmoCLIPModel, EmoCLIPProcessor]:
        """The frozen model, without a head and in evaluation mode, and its processor."""
        with torch.random.fork_rng():
            torch.manual_seed(self.config.seed)
            model, processor = build_model(self.config.model)
        headless: Any = with_head(model, None).eval().requires_grad_(False)
        return headless.to(self.device), processor

    def plan(self) -> list[str]:
        """One line for each step and what it has still to do; loads no weights."""
        data = self.config.data
        fold = (
            f", without fold {data.fold}"
            if data.fold and data.split == "train"
            else f", fold {data.fold}"
            if data.fold
            else ""
        )
        lines = [f"{len(self.rows):,} clips of {data.manifest} (split {data.split}{fold})"]
        for cache in self.caches:
            names = ", ".join(shown(name) for name in cache.config.instructions)
            lines.append(f"teacher {cache.config.name} ({names}): {cache.num_missing():,} clips to show it")
        head = self.config.head
        lines.append(f"head: {head.type}, {self.width}, start {head.init}")
        return lines

    def make_teacher_features(self) -> None:
        """Show the teachers what they have not seen; each is loaded only if there is something."""
        for cache in self.caches:
            self.skipped |= cache.fill(show_progress=self.show_progress)

    def make_pairs(self) -> FeaturePairs:
        """Features of all, paired; those of CLIP are computed where they are missing."""
        data = self.config.data
        model, processor = self.towers
        embeds, errors = picture_embeds(
            self.rows,
            model,
            processor.video_processor,
            self.features_dir,
            data,
            show_progress=self.show_progress,
        )
        self.skipped |= errors
        teachers = [features for cache in self.caches for features in cache.features()]
        return FeaturePairs(embeds, teachers, self._caption_features(), level=data.level, seed=self.config.seed)

    def fit(self, pairs: FeaturePairs) -> EmoCLIPModel:
        """The model with its head, fitted."""
        config = self.config
        base = self.towers[0]
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            model = with_head(base, self.width, config.head.type, config.head.hidden_size)
        head = model.expression_projection.requires_grad_(True).train()
        source: Pairs = CenteredPairs.of(pairs) if self._uses_teacher and config.fit.center_teacher else pairs
        scale = config.fit.logit_scale or float(base.get_logit_multiplier())
        start_head(head, source, config.head, config.fit)
        steps = config.fit.epochs * (len(pairs) // config.fit.batch_size)
        with tqdm(total=steps, unit="step", desc="fit", disable=None if self.show_progress else True) as bar:
            self.records = fit_projection(head, source, config.fit, scale, seed=config.seed, on_step=bar.update)
        return model.eval().requires_grad_(True)

    def run(self) -> Path:
        """Do all steps and return the Hub folder."""
        config = self.config
        check_writable(config.output_dir)
        write_text(config.output_dir / "config.yaml", dump_config(config))
        start = time.perf_counter()
        self.make_teacher_features()
        pairs = self.make_pairs()
        write_skipped(config.output_dir / "skipped.csv", self.rows, self.skipped)
        begun = time.perf_counter()
        model = self.fit(pairs)
        seconds = {"features": round(begun - start, 1), "fit": round(time.perf_counter() - begun, 1)}
        lines = "".join(f"{json.dumps(record)}\n" for record in self.records)
        write_text(config.output_dir / "metrics.jsonl", lines)
        card = model_card(
            model.config,
            title="Exp-CLIP, distilled",
            licence=licence_of(config),
            training=training_story(config, pairs),
        )
        output = save_hub_folder(model, self.towers[1], config.output_dir / "model", card=card, overwrite=True)
        identities = [store.identity for cache in self.caches for store in cache.stores]
        record = run_record(config, pairs, identities, seconds, len(self.skipped))
        write_text(config.output_dir / "run.json", json.dumps(record, indent=2) + "\n")
        return output

    def _cache(self, number: int) -> TeacherCache:
        data = self.config.data
        return TeacherCache(
            self.rows,
            self.config.teachers[number],
            self.features_dir,
            num_frames=data.frames_per_clip,
            device=self.device,
            num_workers=data.num_workers,
        )

    def _check_widths(self) -> int:
        """The head's width: the teacher's, else the one that is set, else that of the joint space."""
        widths = {cache.config.name: cache.width for cache in self.caches}
        if len(set(widths.values())) > 1:
            listed = ", ".join(f"{name} {width}" for name, width in widths.items())
            raise ValueError(f"Teachers that are averaged must have one width, got {listed}; fit to one of them.")
        teacher, dim = next(iter(widths.values()), None), self.config.head.dim
        if teacher is not None and dim not in (None, teacher):
            raise ValueError(
                f"The head must have the teacher's width, {teacher}, got {dim}; leave `head.dim` at null or set it to {teacher}."
            )
        head, joint = self.config.head, self.model_config.projection_dim
        width = teacher or dim or joint
        config_with_head(self.model_config, width, head.type, head.hidden_size)
        if head.init == "isometric":
            check_isometric(joint, width)
        return width

    def _check_number(self) -> None:
        """Refuse, before hours of work, what cannot make a batch even if every picture is readable."""
        data, batch_size = self.config.data, self.config.fit.batch_size
        most = len(self.rows) * (data.frames_per_clip if data.level == "frame" else 1)
        if most < batch_size:
            raise ValueError(
                f"There must be at least one batch of {batch_size} pictures, got {most} at most; lower fit.batch_size."
            )

    def _read_captions(self) -> list[list[str]] | None:
        if not self.config.fit.caption_weight:
            return None
        captions = [list(texts or ()) for texts in self.rows["captions"]]
        if not any(captions):
            raise ValueError(
                f"`fit.caption_weight` above 0 needs captions, {self.config.data.manifest} has none; set it to 0 and name a "
                "teacher."
            )
        return captions

    def _caption_features(self) -> Captions | None:
        if self.captions is None:
            return None
        flat = [text for texts in self.captions for text in texts]
        starts = np.cumsum([0, *(len(texts) for texts in self.captions)])
        embeds = caption_embeds(flat, *self.towers, self.features_dir, show_progress=self.show_progress)
        return Captions(embeds, starts)


def _chosen_rows(config: DistillConfig) -> Any:
    rows = load(config.data.manifest, config.data.split, config.data.fold)
    most = config.data.max_clips
    if most is None or most >= len(rows):
        return rows
    return rows.select([int(number * len(rows) / most) for number in range(most)])


__all__ = ["DistillationRun"]
