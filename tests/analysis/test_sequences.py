# SPDX-License-Identifier: Apache-2.0
from emoclip.analysis.picture import Embedded
from emoclip.analysis.sequences import FrameSequence, SampledSequence, WholeSequence, WindowSequence
from emoclip.analysis.windows import WindowPlan


def frame(number, seconds=None):
    return (number / 8 if seconds is None else seconds), Embedded(None, number)


def rule(num_frames):
    """Each frame once, then the first again, not counting."""
    return [*range(num_frames), *[0] * (4 - num_frames)], [place < num_frames for place in range(4)]


def run(sequence, frames):
    windows = [window for one in frames for window in sequence.push(one)]
    return windows + sequence.finish()


def spans(windows):
    return [(window.members[0][1].frame, window.members[-1][1].frame) for window in windows]


def test_a_pause_begins_windows_anew():
    """A window over both sides of a pause would join two scenes."""
    frames = [*map(frame, range(6)), *(frame(number, 10 + number / 8) for number in range(6, 12))]
    windows = run(WindowSequence(1, WindowPlan(4, stride=0.5), rule), frames)
    assert spans(windows) == [(0, 3), (2, 5), (6, 9), (8, 11)]


def test_somebody_seen_for_a_moment_is_sampled_by_the_rule_of_training():
    """Fewer frames than the model takes: its own rule says how they are repeated."""
    (window,) = run(WindowSequence(3, WindowPlan(4, stride=0.5), rule), [frame(0), frame(1)])
    assert (window.person, list(window.places), list(window.valid)) == (3, [0, 1, 0, 0], [True, True, False, False])
    assert window.num_found == 2


def test_one_window_for_all_holds_few_frames_whatever_the_length():
    """Two hours must not pile up; the first and the last frame are in it."""
    sequence = WholeSequence(1, WindowPlan(4), rule)
    for number in range(1000):
        sequence.push(frame(number))
        assert len(sequence._kept) <= 9
    (window,) = sequence.finish()
    assert spans([window]) == [(0, 999)]
    assert len(window.places) == 4
    assert window.num_found == 1000


def test_every_frame_can_be_a_window():
    """Frame by frame, nothing is left over."""
    assert spans(run(FrameSequence(1), map(frame, range(3)))) == [(0, 0), (1, 1), (2, 2)]


def test_frames_that_never_came_leave_their_places_out():
    """After Ctrl-C the sampled window holds what had been read."""
    sequence = SampledSequence(0, [0, 2, 1, 2], [True] * 4)
    assert sequence.finish() == []
    (window,) = run(SampledSequence(0, [0, 2, 1, 2], [True] * 4), [frame(0), frame(1)])
    assert list(window.places) == [0, 1]
