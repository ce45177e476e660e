# SPDX-License-Identifier: Apache-2.0
"""Windows that slide over timed frames: which frames each holds. Pure rules on times; no decoding, no model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar


Frame = TypeVar("Frame")
Timed = tuple[float, Frame]

# Presentation times are fractions written as floats; two that differ by less are the same instant.
EPSILON = 1e-6
DEFAULT_STRIDE = 1.0


@dataclass(frozen=True)
class WindowPlan(Generic[Frame]):
    """How windows slide.

    Args:
        length: Most frames that the model sees in one window.
        seconds: Duration of a window; `None` means `length` successive frames, the model's own span.
        stride: Seconds from the start of one window to the start of the next.

    Raises:
        ValueError: A value that is not positive.
    """

    length: int
    seconds: float | None = None
    stride: float = DEFAULT_STRIDE

    def __post_init__(self) -> None:
        check_seconds("window", self.seconds)
        check_seconds("stride", self.stride)

    def slide(self, frames: Iterable[Timed[Frame]]) -> Iterator[list[Timed[Frame]]]:
        """Yield the frames of one window after another, holding only as many frames as a window needs.

        A window begins at the first frame at or after its place on the grid of `stride`. The last window ends with the
        last frame, so that no part of the video goes unseen (unless `stride` is longer than the window).

        Args:
            frames: (seconds, frame) in order of time.
        """
        buffer: list[Timed[Frame]] = []
        next_start = -math.inf
        last_seen = -math.inf
        for frame in frames:
            buffer.append(frame)
            while (members := self._complete(buffer, next_start)) is not None:
                yield members
                last_seen = members[-1][0]
                next_start = _next_place(next_start, members[0][0], self.stride)
            self._forget(buffer, next_start)
        if buffer and buffer[-1][0] > last_seen:
            yield self._tail(buffer)

    def thin(self, members: list[Timed[Frame]]) -> list[Timed[Frame]]:
        """Return at most `length` of a window's frames, spread evenly from the first to the last."""
        if len(members) <= self.length:
            return members
        if self.length == 1:
            return [members[len(members) // 2]]
        step = (len(members) - 1) / (self.length - 1)
        return [members[round(place * step)] for place in range(self.length)]

    def _complete(self, buffer: list[Timed[Frame]], next_start: float) -> list[Timed[Frame]] | None:
        """The members of the window that begins at or after `next_start`, or None while frames are still to come."""
        first = _first_at(buffer, next_start)
        if first is None:
            return None
        if self.seconds is None:
            return buffer[first : first + self.length] if len(buffer) - first >= self.length else None
        end = buffer[first][0] + self.seconds - EPSILON
        return [frame for frame in buffer[first:] if frame[0] < end] if buffer[-1][0] >= end else None

    def _tail(self, buffer: list[Timed[Frame]]) -> list[Timed[Frame]]:
        if self.seconds is None:
            return buffer[-self.length :]
        return [frame for frame in buffer if frame[0] > buffer[-1][0] - self.seconds + EPSILON]

    def _forget(self, buffer: list[Timed[Frame]], next_start: float) -> None:
        """Drop frames that neither the next window nor a last one that ends here can need."""
        first = _first_at(buffer, next_start)
        needed = len(self._tail(buffer)) if first is None else max(len(self._tail(buffer)), len(buffer) - first)
        del buffer[: len(buffer) - needed]


def check_seconds(name: str, value: float | None) -> None:
    """Check a duration before anything slow begins.

    Raises:
        ValueError: `value` is neither `None` nor a positive finite number.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value > 0):
        raise ValueError(f"`{name}` must be a positive number of seconds, got {value!r}; give for example 2.5.")


def _first_at(buffer: list[Timed[Frame]], time: float) -> int | None:
    return next((index for index, frame in enumerate(buffer) if frame[0] >= time - EPSILON), None)


def _next_place(place: float, start: float, stride: float) -> float:
    """The first place on the stride's grid after the window that began at `start`."""
    if place == -math.inf:
        return start + stride
    steps = math.floor((start - place + EPSILON) / stride) + 1
    return place + steps * stride
