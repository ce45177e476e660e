# SPDX-License-Identifier: Apache-2.0
"""Frames of a camera, or of anything else PyAV opens, at a chosen rate; what comes too fast is dropped, not queued."""

from __future__ import annotations

import platform
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from emoclip.analysis.frames import Frame
from modeling_emoclip.video_container_emoclip import FrameConverter


# Frames that wait for the model; more would only be old news.
MOST_WAITING = 4
# Share of the time between two frames by which one may be early for its turn: cameras are not exact.
SLACK = 0.1


class Camera:
    """A source of live frames.

    Args:
        source: Number of a camera, a device such as `/dev/video0`, a path or an address.
        fps: Frames a second that are wanted, about.
        realtime: Drop frames that wait too long, as for a camera; a file may be read as fast as the model goes instead.

    Raises:
        FileNotFoundError: There is no such device or file.
        OSError: It cannot be opened.
        ValueError: It shows no picture.
    """

    def __init__(self, source: str | int, fps: float, *, realtime: bool = True):
        self.name = str(source)
        self.fps, self.realtime = fps, realtime
        self.dropped = 0
        # Why the source ended before anybody ended it.
        self.failure: OSError | None = None
        self._container = _open(str(source))
        if not self._container.streams.video:
            self._container.close()
            raise ValueError(f"The source must show pictures, {source} has none.")
        self._stopped = threading.Event()
        stream = self._container.streams.video[0]
        self.size = (stream.codec_context.width, stream.codec_context.height)

    def frames(self) -> Iterator[Frame]:
        """Yield frames from time 0 until the source ends or `close` is called; read in a thread of its own.

        Raises:
            OSError: The source breaks off; `failure` keeps it.
        """
        waiting: queue.Queue[Frame | BaseException | None] = queue.Queue(maxsize=MOST_WAITING)
        thread = threading.Thread(target=self._read, args=(waiting,), daemon=True, name="emoclip-camera")
        thread.start()
        try:
            while (item := waiting.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.close()
            thread.join(timeout=5)

    def close(self) -> None:
        """Stop reading."""
        self._stopped.set()

    def _read(self, waiting: queue.Queue) -> None:
        end: BaseException | None = None
        try:
            for frame in self._wanted():
                self._hand_over(waiting, frame)
                if self._stopped.is_set():
                    break
        except (av.FFmpegError, OSError, ValueError) as error:
            end = self.failure = OSError(f"The source {self.name} broke off ({error}).")
        finally:
            self._container.close()
        while not self._stopped.is_set():
            try:
                waiting.put(end, timeout=0.1)
            except queue.Full:
                continue
            return

    def _hand_over(self, waiting: queue.Queue, frame: Frame) -> None:
        while not self._stopped.is_set():
            try:
                waiting.put(frame, timeout=0 if self.realtime else 0.1)
            except queue.Full:
                if not self.realtime:
                    continue
                try:
                    waiting.get_nowait()
                    self.dropped += 1
                except queue.Empty:
                    pass
                continue
            return

    def _wanted(self) -> Iterator[Frame]:
        start: float | None = None
        number = 0
        upright = FrameConverter()
        for frame in self._container.decode(video=0):
            seconds = float(frame.time) if frame.time is not None else number / self.fps
            start = seconds if start is None else start
            if seconds - start < (number - SLACK) / self.fps:
                continue
            pixels = torch.from_numpy(np.ascontiguousarray(upright(frame))).permute(2, 0, 1)
            yield Frame(number, seconds - start, pixels)
            number += 1


def _open(source: str) -> Any:
    """A container of a device, file or address."""
    system = platform.system()
    device = source if not source.isdigit() else f"/dev/video{source}" if system == "Linux" else source
    try:
        if system == "Linux" and device.startswith("/dev/video"):
            return av.open(device, format="v4l2", options={"thread_queue_size": "8"})
        if source.isdigit() and system == "Darwin":
            return av.open(f"{source}:none", format="avfoundation", options={"framerate": "30"})
        if source.isdigit() and system == "Windows":
            raise ValueError(f"A camera of Windows is named, got {source}; give --source 'video=NAME OF THE CAMERA'.")
        if source.startswith("video="):
            return av.open(source, format="dshow")
        return av.open(source)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"The source must be a camera, a file or an address, got {source}, which is not there; "
            f"cameras here: {', '.join(sorted(map(str, Path('/dev').glob('video*')))) or 'none'}."
        ) from error
    except (av.FFmpegError, OSError) as error:
        raise OSError(f"The source {source} cannot be opened ({error}); is it in use by another program?") from error


__all__ = ["Camera"]
