# SPDX-License-Identifier: Apache-2.0
"""From one person's embedded frames, one after another, to the windows that the model pools. Rules only; no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .picture import Embedded
from .windows import Timed, WindowPlan, WindowSlider


# Number of frames -> places of those that the model sees and whether each counts.
SamplingRule = Callable[[int], tuple[list[int], list[bool]]]
# Seconds without a sight of a person after which windows begin anew; they would else join two scenes.
MAX_PAUSE = 1.5


@dataclass(frozen=True)
class Window:
    """The frames of one window.

    Args:
        person: Whose.
        members: Its distinct frames in order of time.
        places: Which members the model sees, in its order; they may repeat.
        valid: Whether each place counts.
        num_found: Analysed frames of the window in which the face was found, those that the model does not see included.
    """

    person: int
    members: list[Timed[Embedded]]
    places: Sequence[int]
    valid: Sequence[bool]
    num_found: int = 0


class WindowSequence:
    """Windows that slide over a person's frames; after a pause they begin anew.

    Args:
        person: Whose frames.
        plan: How windows slide.
        rule: What the model sees of a person with fewer frames than it takes.
    """

    def __init__(self, person: int, plan: WindowPlan[Embedded], rule: SamplingRule):
        self.person, self.plan, self.rule = person, plan, rule
        self._begin()

    def _begin(self) -> None:
        self._slider: WindowSlider[Embedded] = WindowSlider(self.plan)
        self._last: float | None = None

    def push(self, frame: Timed[Embedded]) -> list[Window]:
        """Return the windows that are complete with this frame."""
        windows = []
        if self._last is not None and frame[0] - self._last > MAX_PAUSE:
            windows = self.finish()
            self._begin()
        self._last = frame[0]
        return windows + [self._window(members) for members in self._slider.push(frame)]

    def finish(self) -> list[Window]:
        """Return the last window, unless it has been returned."""
        began = self._slider.began
        return [
            self._short(members) if not began and self._is_short(members) else self._window(members)
            for members in self._slider.finish()
        ]

    def _is_short(self, members: list[Timed[Embedded]]) -> bool:
        duration = members[-1][0] - members[0][0]
        return len(members) <= self.plan.length and (self.plan.seconds is None or self.plan.seconds > duration)

    def _short(self, members: list[Timed[Embedded]]) -> Window:
        return Window(self.person, members, *self.rule(len(members)), num_found=_num_found(members))

    def _window(self, members: list[Timed[Embedded]]) -> Window:
        seen = self.plan.thin(members)
        return Window(self.person, seen, range(len(seen)), [True] * len(seen), _num_found(members))


@dataclass
class WholeSequence:
    """One window for all frames of a person; of more than the model takes, so many are spread evenly over them.

    Holds at most twice as many as the model takes, whatever the length of the video.
    """

    person: int
    plan: WindowPlan[Embedded]
    rule: SamplingRule
    _kept: list[Timed[Embedded]] = field(default_factory=list)
    _step: int = 1
    _count: int = 0
    _found: int = 0
    _last: Timed[Embedded] | None = None

    def push(self, frame: Timed[Embedded]) -> list[Window]:
        """Keep the frame, or not."""
        self._found += _num_found([frame])
        if self._count % self._step == 0:
            self._kept.append(frame)
        self._count += 1
        self._last = frame
        if len(self._kept) > 2 * self.plan.length:
            self._kept = self._kept[::2]
            self._step *= 2
        return []

    def finish(self) -> list[Window]:
        """Return the window."""
        if self._last is None:
            return []
        kept = self._kept if self._kept[-1] is self._last else [*self._kept, self._last]
        if len(kept) <= self.plan.length:
            return [Window(self.person, kept, *self.rule(len(kept)), num_found=self._found)]
        seen = self.plan.thin(kept)
        return [Window(self.person, seen, range(len(seen)), [True] * len(seen), self._found)]


@dataclass
class FrameSequence:
    """Every frame is a window of its own."""

    person: int

    def push(self, frame: Timed[Embedded]) -> list[Window]:
        """Return the frame's window."""
        return [Window(self.person, [frame], (0,), (True,), _num_found([frame]))]

    def finish(self) -> list[Window]:
        """Nothing is left over."""
        return []


@dataclass
class SampledSequence:
    """One window of frames that were chosen beforehand, at the places that the sampling rule gave them."""

    person: int
    places: Sequence[int]
    valid: Sequence[bool]
    _members: list[Timed[Embedded]] = field(default_factory=list)

    def push(self, frame: Timed[Embedded]) -> list[Window]:
        """Keep the frame."""
        self._members.append(frame)
        return []

    def finish(self) -> list[Window]:
        """Return the window; of frames that never came, because somebody stopped the work, the places are left out."""
        known = [place for place in range(len(self.places)) if self.places[place] < len(self._members)]
        if not known:
            return []
        places, valid = [self.places[place] for place in known], [self.valid[place] for place in known]
        return [Window(self.person, self._members, places, valid, len(self._members))]


PersonSequence = FrameSequence | SampledSequence | WholeSequence | WindowSequence


def _num_found(members: Sequence[Timed[Embedded]]) -> int:
    return sum(member.look is None or member.look.found for _, member in members)


__all__ = [
    "FrameSequence",
    "PersonSequence",
    "SampledSequence",
    "SamplingRule",
    "WholeSequence",
    "Window",
    "WindowSequence",
]
