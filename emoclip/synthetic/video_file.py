# SPDX-License-Identifier: Apache-2.0
"""Writes frames as H.264 in MP4, the same bytes for the same frames, and never leaves half a file under its final name."""

import io
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def encode_h264(frames: np.ndarray, fps: float, *, crf: int = 20) -> bytes:
    """An MP4 file with the frames, uint8 RGB (time, height, width, 3); height and width must be even.

    Raises:
        ValueError: if there is no frame or a side is odd.
    """
    num_frames, height, width, _ = frames.shape
    if num_frames < 1 or height % 2 or width % 2:
        raise ValueError(f"`frames` must hold at least 1 frame with even sides, got {frames.shape}.")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        rate = Fraction(fps).limit_denominator(1001)
        # One thread: the bytes must not depend on the number of cores.
        options = {"crf": str(crf), "preset": "veryfast", "threads": "1"}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name beside `path`, then rename; an existing file is replaced."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
