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
        slider = WindowSlider(self)
        for frame in frames:
            yield from slider.push(frame)
        yield from slider.finish()

    def thin(self, members: list[Timed[Frame]]) -> list[Timed[Frame]]:
        """Return at most `length` of a window's frames, spread evenly from the first to the last."""
        if len(members) <= self.length:
            return members
        if self.length == 1:
            return [members[len(members) // 2]]
        step = (len(members) - 1) / (self.length - 1)
        return [members[round(place * step)] for place in range(self.length)]


class WindowSlider(Generic[Frame]):
    """Takes frames one by one and gives each window as soon as it is complete; see `WindowPlan.slide`."""

    def __init__(self, plan: WindowPlan[Frame]):
        self.plan = plan
        self._buffer: list[Timed[Frame]] = []
        self._next_start = -math.inf
        self._last_seen = -math.inf

    def push(self, frame: Timed[Frame]) -> list[list[Timed[Frame]]]:
        """Return the windows that are complete with this frame."""
        self._buffer.append(frame)
        complete = []
        while (members := self._complete()) is not None:
            complete.append(members)
            self._last_seen = members[-1][0]
            self._next_start = _next_place(self._next_start, members[0][0], self.plan.stride)
        self._forget()
        return complete

    def finish(self) -> list[list[Timed[Frame]]]:
        """Return the window that ends with the last frame, unless a window did already."""
        if self._buffer and self._buffer[-1][0] > self._last_seen:
            return [self._tail()]
        return []

    @property
    def began(self) -> bool:
        """Whether there has been a window."""
        return self._last_seen > -math.inf

    def _complete(self) -> list[Timed[Frame]] | None:
        """The members of the next window, or None while frames of it are still to come."""
        buffer, plan = self._buffer, self.plan
        first = _first_at(buffer, self._next_start)
        if first is None:
            return None
        if plan.seconds is None:
            return buffer[first : first + plan.length] if len(buffer) - first >= plan.length else None
        end = buffer[first][0] + plan.seconds - EPSILON
        return [frame for frame in buffer[first:] if frame[0] < end] if buffer[-1][0] >= end else None

    def _tail(self) -> list[Timed[Frame]]:
        if self.plan.seconds is None:
            return self._buffer[-self.plan.length :]
        earliest = self._buffer[-1][0] - self.plan.seconds + EPSILON
        return [frame for frame in self._buffer if frame[0] > earliest]

    def _forget(self) -> None:
        """Drop frames that neither the next window nor a last one that ends here can need."""
        first = _first_at(self._buffer, self._next_start)
        tail = len(self._tail())
        needed = tail if first is None else max(tail, len(self._buffer) - first)
        del self._buffer[: len(self._buffer) - needed]


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
