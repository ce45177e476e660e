# SPDX-License-Identifier: Apache-2.0
import itertools

import pytest

from emoclip.analysis.windows import WindowPlan, check_seconds


def timed(times):
    return [(time, f"frame {time}") for time in times]


def spans(plan, times):
    return [(window[0][0], window[-1][0], len(window)) for window in plan.slide(timed(times))]


def test_windows_of_frames_slide_by_seconds():
    """Ten frames half a second apart, windows of four frames every second: starts 0, 1, 2, 3."""
    times = [index / 2 for index in range(10)]
    assert spans(WindowPlan(4, stride=1.0), times) == [(0, 1.5, 4), (1, 2.5, 4), (2, 3.5, 4), (3, 4.5, 4)]


def test_last_window_ends_with_the_video():
    """What happens in the last second must not go unseen."""
    times = [index / 2 for index in range(9)]
    assert spans(WindowPlan(4, stride=1.5), times) == [(0, 1.5, 4), (1.5, 3, 4), (2.5, 4, 4)]


def test_windows_of_seconds_hold_the_frames_of_those_seconds():
    """With a variable frame rate equal seconds hold unequal numbers of frames."""
    times = [0, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 3.0]
    assert spans(WindowPlan(4, seconds=1.0, stride=1.0), times) == [(0, 0.8, 5), (1, 1, 1), (2, 2, 1), (3, 3, 1)]


def test_a_video_shorter_than_a_window_is_one_window():
    """Nothing is repeated to fill a window of seconds."""
    assert spans(WindowPlan(4, seconds=9.0, stride=1.0), [0, 1, 2]) == [(0, 2, 3)]


def test_a_gap_in_time_moves_windows_back_onto_the_grid():
    """After a pause in the recording windows begin at whole strides again, not at an offset that grows."""
    starts = [start for start, _, _ in spans(WindowPlan(2, stride=1.0), [0, 0.5, 1, 1.5, 4.3, 4.5, 5, 5.5, 6, 6.5])]
    assert starts == [0, 1, 4.3, 5, 6]


def test_stride_below_the_frame_distance_gives_no_window_twice():
    """A stride finer than the frames cannot find more windows than there are frames to begin at."""
    starts = [start for start, _, _ in spans(WindowPlan(3, stride=0.1), range(6))]
    assert starts == [0, 1, 2, 3]


def test_only_the_frames_of_a_window_are_held():
    """A two-hour film must not pile up in memory."""
    alive = set()

    class Frame:
        def __init__(self):
            alive.add(id(self))

        def __del__(self):
            alive.discard(id(self))

    most = 0
    for _ in WindowPlan(7, stride=0.4).slide((index / 10, Frame()) for index in range(500)):
        most = max(most, len(alive))
    # A window, the stride to the next one and the frame in hand.
    assert most <= 7 + 4 + 2


def test_thinning_keeps_the_first_and_the_last_frame():
    """A long window is spread evenly over the model's number of frames."""
    members = timed(range(10))
    assert [time for time, _ in WindowPlan(4).thin(members)] == [0, 3, 6, 9]
    assert [time for time, _ in WindowPlan(1).thin(members)] == [5]
    assert WindowPlan(10).thin(members) is members


def test_rounded_times_do_not_lose_windows():
    """0.1 + 0.2 is not 0.3: a frame a rounding error before its place still begins the window."""
    times = list(itertools.accumulate([0.0] + [0.1] * 30))
    starts = [start for start, _, _ in spans(WindowPlan(3, stride=0.3), times)]
    assert starts[:4] == pytest.approx([0, 0.3, 0.6, 0.9])
    assert starts[-2:] == pytest.approx([2.7, 2.8])
    assert len(starts) == 11


@pytest.mark.parametrize("value", [0, -1.5, float("nan"), float("inf"), True, "2"])
def test_durations_that_are_none_are_refused(value):
    """A stride of zero would slide for ever."""
    with pytest.raises(ValueError, match="`stride` must be a positive number of seconds, got"):
        check_seconds("stride", value)
    with pytest.raises(ValueError, match="`window` must be a positive number of seconds, got"):
        WindowPlan(4, seconds=value)
