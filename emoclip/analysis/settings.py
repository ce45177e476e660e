# SPDX-License-Identifier: Apache-2.0
"""How a video is looked at: modes, faces, speed. Checked before anything slow begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emoclip.data.faces.detectors import DETECTORS

from .windows import DEFAULT_STRIDE, check_seconds


MODES = ("windows", "whole", "frames")
FACES = ("all", "largest", "none")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class AnalysisSettings:
    """How videos become windows; independent of words.

    Args:
        mode: `windows` slide over the video, `whole` is one window, in `frames` each analysed frame is one.
        window: Seconds of a window. `None`: the model's own span in frames. In a longer window the model's number of
            frames is spread evenly; a shorter one holds fewer frames.
        stride: Seconds from one window to the next; 1 by default.
        fps: Analysed frames a second, about. `None`: every `frame_stride`-th frame, as in training.
        faces: `all` scores every face that is found, `largest` one person, see `main_person`, `none` whole frames.
        detector: `auto`, `haar` or `yunet`, see `emoclip.data.faces`.
        detector_weights: File of YuNet.
        boxes: Faces that are known already, in any form of `read_boxes`; then nothing is detected, and a `detector` that is named
            says whose boxes they are like.
        on_error: `"raise"`, or `"truncate"` to score a damaged video up to its last good frame, with a warning.
        allow_urls: Read `http(s)` addresses.
        precision: `float32`, `bfloat16`, or `auto`: bfloat16 for large models where the device computes it natively.
        compile: Compile the image tower by `torch.compile`; takes a minute at first.

    Raises:
        ValueError: A value is out of its range.
    """

    mode: str = "windows"
    window: float | None = None
    stride: float | None = None
    fps: float | None = None
    faces: str = "all"
    detector: str = "auto"
    detector_weights: str | Path | None = None
    boxes: Any = None
    on_error: str = "raise"
    allow_urls: bool = False
    precision: str = "auto"
    compile: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (
            ("mode", MODES),
            ("faces", FACES),
            ("detector", DETECTORS[:-1]),
            ("on_error", ("raise", "truncate")),
            ("precision", PRECISIONS),
        ):
            value = getattr(self, name)
            if value not in allowed:
                *others, last = (repr(one) for one in allowed)
                raise ValueError(f"`{name}` must be {', '.join(others)} or {last}, got {value!r}.")
        for name in ("window", "stride"):
            check_seconds(name, getattr(self, name))
            if self.mode != "windows" and getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}` belongs to mode='windows', got mode={self.mode!r}; leave one of the two out."
                )
        if self.fps is not None and not (isinstance(self.fps, int | float) and 0 < self.fps < 1000):
            raise ValueError(
                f"`fps` must be a number of frames a second above 0, got {self.fps!r}; give for example 8."
            )
        if self.boxes is not None and self.faces == "none":
            raise ValueError("`boxes` say where faces are, got faces='none' as well; leave one of the two out.")

    @property
    def scope(self) -> str:
        """What of the picture is scored, in words."""
        return "whole frame" if self.faces == "none" else "faces found" if self.boxes is None else "faces given"

    @property
    def window_stride(self) -> float:
        """Seconds from one window to the next."""
        return DEFAULT_STRIDE if self.stride is None else self.stride


__all__ = ["FACES", "MODES", "PRECISIONS", "AnalysisSettings"]
