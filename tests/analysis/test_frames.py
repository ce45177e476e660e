# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from emoclip.analysis.frames import frame_step, in_background
from modeling_emoclip.video_sources_emoclip import VideoInfo


def test_items_come_in_order_from_another_thread():
    """The work goes on beside the caller's."""
    threads = []

    def work():
        for number in range(20):
            threads.append(threading.current_thread())
            yield number

    assert list(in_background(work(), ahead=3)) == list(range(20))
    assert threading.main_thread() not in threads


def test_errors_reach_the_caller_after_the_good_items():
    """A damaged file must not end as a short one."""

    def work():
        yield 1
        raise ValueError("damaged")

    items = in_background(work())
    assert next(items) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(items)


def test_a_caller_that_stops_stops_the_work():
    """A thread that goes on decoding a film nobody reads would hold the computer."""
    begun = threading.active_count()
    made = []

    def work():
        for number in range(10_000):
            made.append(number)
            yield number

    items = in_background(work(), ahead=2)
    assert next(items) == 0
    items.close()
    assert len(made) < 10
    assert threading.active_count() <= begun


@pytest.mark.parametrize(("rate", "fps", "step"), [(25, None, 4), (25, 8, 3), (60, 8, 8), (5, 8, 1), (None, 5, 5)])
def test_distance_of_frames_comes_nearest_to_the_wanted_rate(rate, fps, step):
    """The model's own distance unless asked otherwise."""
    assert frame_step(VideoInfo("v", None, rate, None, 2, 2), 4, fps) == step
