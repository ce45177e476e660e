# SPDX-License-Identifier: Apache-2.0
"""One video on its way from its source to windows: what is decoded, who is seen, which windows result."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from emoclip.console import storable
from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, VideoInfo, decode_video
from modeling_emoclip.video_sources_emoclip import is_still_image

from .face_pictures import FacePictures
from .frames import Frame, analysed_frames, frame_step, in_background
from .picture import NOBODY, Embedded, Picture
from .sequences import (
    FrameSequence,
    PersonSequence,
    SampledSequence,
    SamplingRule,
    WholeSequence,
    Window,
    WindowSequence,
)
from .settings import AnalysisSettings
from .window_facts import no_face_facts, window_facts
from .window_set import FRAME_COLUMNS, PEOPLE_COLUMNS, WINDOW_COLUMNS, WindowSet
from .windows import WindowPlan


class VideoJob:
    """A video between its source and its windows.

    Args:
        source: In any form the decoder takes, and rereadable.
        info: Its header.
        video_processor: Of the model.
        settings: How it is looked at.
        name: In tables; the path where there is one.
        image_size: Of the model's image tower.
        embed_dim: Width of a window's embedding.
        by_subject: The model prompts by subject.
    """

    # Whether the end of the video is not known, as of a camera.
    live = False

    def __init__(
        self,
        source: Any,
        info: VideoInfo,
        video_processor: Any,
        settings: AnalysisSettings,
        *,
        name: str,
        image_size: int = 224,
        embed_dim: int = 1,
        by_subject: bool = False,
    ):
        self.source, self.info, self.settings, self.name = source, info, settings, name
        self.video_processor = video_processor
        self._embed_dim = embed_dim
        self.errors: list[VideoDecodeError] = []
        # Why none of it counts, where it is one of several.
        self.failure: Exception | None = None
        self.step = frame_step(info, video_processor.frame_stride, settings.fps)
        self.plan: WindowPlan[Embedded] = WindowPlan(
            video_processor.num_frames, settings.window, settings.window_stride
        )
        self._faces: FacePictures | None = None
        if settings.faces != "none":
            self._faces = FacePictures(
                settings,
                video_processor,
                image_size,
                info.fps,
                self.step,
                by_subject=by_subject,
                live=self.live,
                video=name,
            )
        self._rule = sampling_rule(video_processor, still=is_still_image(source))
        self._sequences: dict[int, PersonSequence] = {}
        self._rows: list[dict[str, Any]] = []
        self._embeds: list[torch.Tensor] = []
        self._frames: list[tuple[list[int], list[float], list[float]]] = []

    @property
    def expected_frames(self) -> int | None:
        """Frames that will be looked at, by what the header says; it may be wrong."""
        if self.info.num_frames is None:
            return None
        return -(-self.info.num_frames // self.step)

    def pictures(self) -> Iterator[Picture]:
        """Yield what the model is to see, in order of time.

        Raises:
            VideoDecodeError: The video cannot be decoded, or holds no frame.
        """
        if self._faces is not None:
            return self._faces.pictures(self._frames_in_order())
        if self.settings.mode == "whole":
            return self._sampled_pictures(whole=True)
        if self.settings.mode == "frames" or self.video_processor.frame_sampling == "emoclip":
            return self._whole_frames(self._frames_in_order())
        return self._windows_or_sampled()

    def push(self, picture: Picture, embedded: Embedded) -> list[Window]:
        """Return the windows that are complete with an embedded picture."""
        if picture.person not in self._sequences:
            self._sequences[picture.person] = self._new_sequence(picture.person)
        return self._sequences[picture.person].push((picture.seconds, embedded))

    @property
    def followed(self) -> int | None:
        """The one person whose windows count; `None` where everybody's do."""
        return None if self._faces is None else self._faces.followed()

    @property
    def num_outside(self) -> int:
        """Given boxes that were passed over because they lie outside the picture."""
        return 0 if self._faces is None else self._faces.num_outside

    def people(self) -> pd.DataFrame:
        """Return who was seen where, `PEOPLE_COLUMNS`, those whose windows do not count among them; empty for whole frames."""
        if self._faces is None:
            return pd.DataFrame(columns=list(PEOPLE_COLUMNS))
        return self._faces.people(self.name)

    def finish(self) -> list[Window]:
        """Return the last window of everybody; a second call returns none."""
        sequences, self._sequences = self._sequences, {}
        return [window for sequence in sequences.values() for window in sequence.finish()]

    def add(self, window: Window, embed: torch.Tensor, weights: list[float]) -> None:
        """Keep a window with its embedding and the weight of each of its members."""
        self._rows.append({"video": self.name, **window_facts(window, self.step)})
        self._embeds.append(embed)
        numbers = [member.frame for _, member in window.members]
        self._frames.append((numbers, [seconds for seconds, _ in window.members], weights))

    def windows(self) -> WindowSet:
        """Return all windows in order of time, among them the stretches without a face, which have no embedding."""
        unseen = [] if self._faces is None else self._faces.unseen()
        followed = self.followed
        kept = [place for place, row in enumerate(self._rows) if followed is None or row["person"] == followed]
        rows = [self._rows[place] for place in kept]
        rows += [{"video": self.name, **no_face_facts(*stretch)} for stretch in unseen]
        embeds = [self._embeds[place] for place in kept]
        embeds += [torch.full((self._embed_dim,), math.nan) for _ in unseen]
        seen = [self._frames[place] for place in kept]
        seen += [([], [], []) for _ in unseen]
        table = pd.DataFrame(rows, columns=list(WINDOW_COLUMNS))
        order = np.lexsort((table["person"], table["end"], table["start"])) if len(table) else np.array([], dtype=int)
        frames = [
            pd.DataFrame(dict(zip(FRAME_COLUMNS, (place, *seen[row]), strict=True))) for place, row in enumerate(order)
        ]
        return WindowSet(
            table.iloc[order].reset_index(drop=True),
            torch.stack([embeds[row] for row in order]) if embeds else torch.empty(0, self._embed_dim),
            pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(FRAME_COLUMNS)),
        )

    def _new_sequence(self, person: int) -> PersonSequence:
        if self.settings.mode == "frames":
            return FrameSequence(person)
        if self.settings.mode == "whole":
            return WholeSequence(person, self.plan, self._rule)
        return WindowSequence(person, self.plan, self._rule)

    def _frames_in_order(self) -> Iterator[Frame]:
        settings = self.settings
        return in_background(
            analysed_frames(
                self.source, self.step, on_error=settings.on_error, errors=self.errors, allow_urls=settings.allow_urls
            )
        )

    def _whole_frames(self, frames: Iterator[Frame]) -> Iterator[Picture]:
        for frame in frames:
            pixels = self.video_processor.resize_frames(frame.pixels[None])[0]
            yield Picture(NOBODY, frame.seconds, frame.number, pixels)

    def _windows_or_sampled(self) -> Iterator[Picture]:
        """A video that fits the model's span is sampled by the processor's rule, which may want other frames."""
        frames = self._frames_in_order()
        head = list(islice(frames, self.plan.length + 1))
        duration = head[-1].seconds - head[0].seconds if head else 0.0
        fits = len(head) <= self.plan.length and (self.plan.seconds is None or self.plan.seconds > duration)
        return self._sampled_pictures(whole=False) if fits else self._whole_frames(chain(head, frames))

    def _sampled_pictures(self, *, whole: bool) -> Iterator[Picture]:
        """The frames that a sampling rule chooses; each is decoded once, however often it is repeated."""
        places, valid = torch.zeros(1, dtype=torch.long), torch.ones(1, dtype=torch.bool)
        numbers: list[int] = []

        def choose(total: int) -> list[int]:
            nonlocal places, valid
            if not is_still_image(self.source):
                indices, valid = self._indices(total, whole)
                wanted, places = torch.unique(indices, return_inverse=True)
                numbers.extend(wanted.tolist())
            return numbers or [0]

        decoded = decode_video(
            self.source, indices=choose, on_error=self.settings.on_error, allow_urls=self.settings.allow_urls
        )
        if decoded.error is not None:
            self.errors.append(decoded.error)
        self._sequences[NOBODY] = SampledSequence(NOBODY, places.tolist(), valid.tolist())
        frames = self.video_processor.resize_frames(decoded.frames)
        for number, seconds, pixels in zip(numbers or [0], decoded.timestamps.tolist(), frames, strict=True):
            yield Picture(NOBODY, seconds, number, pixels)

    def _indices(self, total: int, whole: bool) -> tuple[torch.Tensor, torch.Tensor]:
        if not whole or total <= self.plan.length * self.step:
            return self.video_processor.sample_frame_indices(total)
        # The rule of training may look at the beginning alone; here the whole is asked for.
        spread = torch.linspace(0, total - 1, self.plan.length, dtype=torch.float64).round().long()
        return spread, torch.ones(self.plan.length, dtype=torch.bool)


def sampling_rule(video_processor: Any, *, still: bool) -> SamplingRule:
    """Return the processor's rule in numbers of analysed frames, for somebody seen in few of them.

    Args:
        video_processor: Of the model.
        still: A picture is a clip of one frame, which is not repeated.
    """
    # EmoCLIP's rule itself takes every `frame_stride`-th frame.
    stride = video_processor.frame_stride if video_processor.frame_sampling == "emoclip" else 1

    def rule(num_frames: int) -> tuple[list[int], list[bool]]:
        if still:
            return list(range(num_frames)), [True] * num_frames
        indices, mask = video_processor.sample_frame_indices(num_frames * stride)
        return (indices // stride).tolist(), mask.tolist()

    return rule


def video_name(source: Any, info: VideoInfo) -> str:
    """Return what a video is called in tables, which hold no bytes that are not text."""
    return storable(str(source) if isinstance(source, str | Path) else info.name)


__all__ = ["VideoJob", "sampling_rule", "video_name"]
