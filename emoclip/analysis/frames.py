# SPDX-License-Identifier: Apache-2.0
"""The frames of a video that are looked at, one by one, and work that goes on in a thread beside the caller's."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from modeling_emoclip.video_decoding_emoclip import VideoDecodeError, VideoInfo, iter_frames


Item = TypeVar("Item")
# Frames decoded ahead of the model; of 4K video they are 25 MB each.
AHEAD = 4
USUAL_FPS = 25.0


@dataclass(frozen=True)
class Frame:
    """An analysed frame: its number in the video, its presentation time in seconds, uint8 (3, height, width)."""

    number: int
    seconds: float
    pixels: torch.Tensor


def frame_step(info: VideoInfo, frame_stride: int, fps: float | None) -> int:
    """Return the distance of analysed frames: the processor's, or what comes nearest to `fps` a second."""
    return frame_stride if fps is None else max(1, round((info.fps or USUAL_FPS) / fps))


def analysed_frames(
    source: Any, step: int, *, on_error: str = "raise", errors: list[VideoDecodeError], allow_urls: bool = False
) -> Iterator[Frame]:
    """Yield every `step`-th frame, holding one at a time.

    Args:
        source: In any form the decoder takes.
        step: Distance of frames.
        on_error: `"truncate"` ends at damage after a good frame, and appends it to `errors`.
        errors: Gets the damage.
        allow_urls: Read `http(s)` addresses.

    Raises:
        VideoDecodeError: The video cannot be decoded.
    """
    count = 0
    try:
        for seconds, pixels in iter_frames(source, stride=step, allow_urls=allow_urls):
            yield Frame(count * step, seconds, pixels)
            count += 1
    except VideoDecodeError as error:
        if on_error == "raise" or not count:
            raise
        # Kept, because a table that ends early must say so.
        errors.append(error)


def in_background(items: Iterable[Item], ahead: int = AHEAD) -> Iterator[Item]:
    """Yield the items, which a thread of its own makes up to `ahead` of the caller; its errors are raised here."""
    worker = _Ahead(items, ahead)
    worker.thread.start()
    try:
        while True:
            done, item = worker.waiting.get()
            if done and item is not None:
                raise item
            if done:
                return
            yield item
    finally:
        worker.stopped.set()
        worker.thread.join(timeout=5)


class _Ahead:
    """The thread that makes items ahead of whoever takes them; each stands beside whether it is the end."""

    def __init__(self, items: Iterable[Any], ahead: int):
        self.waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(maxsize=ahead)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._work, args=(items,), daemon=True, name="emoclip-ahead")

    def _work(self, items: Iterable[Any]) -> None:
        try:
            for item in items:
                if not self._hand_over((False, item)):
                    return
        except BaseException as error:  # told to the caller, whose work it is
            self._hand_over((True, error))
            return
        self._hand_over((True, None))

    def _hand_over(self, entry: tuple[bool, Any]) -> bool:
        while not self.stopped.is_set():
            try:
                self.waiting.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False


__all__ = ["AHEAD", "Frame", "analysed_frames", "frame_step", "in_background"]
